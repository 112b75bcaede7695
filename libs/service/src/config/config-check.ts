// SPDX-License-Identifier: Apache-2.0
// All that is wrong with a configuration file, at once.
import { isAlias, parseDocument, visit } from 'yaml';
import { Settings } from 'typebox/system';
import { Errors } from 'typebox/value';
import { CONFIG, type Config } from './config-schema.ts';
import { nearest, schemaAt, valueAt, withDefaults, type KeySchema } from './config-walk.ts';
import { rackFaults } from './rack.ts';
import { retentionFaults } from './retention.ts';

/** A configuration file is small; more is a mistake. */
export const CONFIG_BYTES_MAX = 1024 * 1024;
const FINDINGS_MAX = 100;
Settings.Set({ maxErrors: 4 * FINDINGS_MAX });

export interface ConfigFinding {
  readonly code: 'config.yaml' | 'config.unknown-key' | 'config.value' | 'config.file';
  /** Dotted path of the key; '' for the file. */
  readonly key: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export interface CheckedText {
  readonly value: unknown;
  readonly findings: readonly ConfigFinding[];
}

const ALIASES: ConfigFinding = {
  code: 'config.yaml', key: '', what: 'the file uses YAML aliases',
  why: 'they can make a small file huge, so they are not read', fix: 'write the value out',
};

/** What the schema's types are called towards a person. */
const TYPE_NAMES: Readonly<Record<string, string>> = { array: 'list of texts', integer: 'whole number', boolean: 'true or false', string: 'text' };

/** Reads YAML text and checks it against the schema. An empty file is an empty configuration. */
export function checkText(text: string): CheckedText {
  const document = parseDocument(text, { uniqueKeys: true });
  const broken = [...document.errors, ...document.warnings].map((error): ConfigFinding => ({
    code: 'config.yaml', key: '', what: 'the file is not valid YAML', why: error.message.split('\n')[0] ?? error.code,
    fix: 'correct that line',
  }));
  if (broken.length > 0) return { value: undefined, findings: broken };
  let aliased = false;
  visit(document, (_, node) => { aliased ||= isAlias(node); });
  if (aliased) return { value: undefined, findings: [ALIASES] };
  const value: unknown = document.toJS() ?? {};
  const findings = checkValue(value);
  return { value, findings: findings.length > 0 ? findings : checkMeaning(value) };
}

/** What no schema can say: names that must exist, durations that must fit. */
function checkMeaning(value: unknown): ConfigFinding[] {
  const { retention, rack } = withDefaults(CONFIG as unknown as KeySchema, value) as Config;
  return [...retentionFaults(retention), ...rackFaults(rack)].map((fault): ConfigFinding => ({ code: 'config.value', ...fault }));
}

/** Checks a parsed configuration (before defaults) against the schema. */
export function checkValue(value: unknown): ConfigFinding[] {
  const found = new Map<string, ConfigFinding>();
  for (const error of Errors(CONFIG, value)) {
    for (const finding of asFindings(value, error)) {
      // A missing key is filled by its default, and an object that fails is told by its parts.
      if (!found.has(finding.key) && found.size < FINDINGS_MAX) found.set(finding.key, finding);
    }
  }
  return [...found.values()];
}

type SchemaError = ReturnType<typeof Errors>[number];

function asFindings(root: unknown, error: SchemaError): ConfigFinding[] {
  const key = error.instancePath.split('/').slice(1).join('.');
  if (error.keyword === 'required' || error.schemaPath.endsWith('/additionalProperties')) return [];
  if (error.keyword !== 'additionalProperties') return [mistaken(root, key, error)];
  const names = (error.params as { additionalProperties: readonly string[] }).additionalProperties;
  return names.map((name) => unknownKey(key, name));
}

function unknownKey(parent: string, name: string): ConfigFinding {
  const known = Object.keys(schemaAt(parent)?.properties ?? {});
  const near = nearest(name, known);
  const key = parent === '' ? name : `${parent}.${name}`;
  return {
    code: 'config.unknown-key', key, what: `there is no key "${key}"`,
    why: parent === '' ? `the sections are ${known.join(', ')}` : `"${parent}" has ${known.join(', ')}`,
    fix: near === undefined ? 'remove it; "strongroom config explain" lists every key' : `did you mean "${near}"?`,
  };
}

function mistaken(root: unknown, key: string, error: SchemaError): ConfigFinding {
  const schema = schemaAt(key) ?? schemaAt(key.replace(/\.\d+$/, ''));
  const type = TYPE_NAMES[schema?.type ?? ''] ?? 'value';
  const shown = JSON.stringify(key === '' ? root : valueAt(root, key)) ?? 'nothing';
  const unit = schema?.unit === undefined ? '' : ` ${schema.unit}`;
  const range = schema?.minimum === undefined ? '' : ` from ${schema.minimum} to ${schema.maximum}${unit}`;
  const wanted = schema?.properties === undefined ? `${type}${range}` : `section with ${Object.keys(schema.properties).join(', ')}`;
  return {
    code: 'config.value', key, what: `"${key}" cannot be ${shown.length > 80 ? `${shown.slice(0, 80)}…` : shown}`,
    why: error.keyword === 'pattern' ? `it must match ${schema?.pattern}` : `it must be: ${wanted}`,
    fix: schema?.examples === undefined ? 'correct its value' : `for example: ${JSON.stringify(schema.examples[0])}`,
  };
}

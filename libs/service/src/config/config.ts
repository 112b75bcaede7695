// SPDX-License-Identifier: Apache-2.0
// The configuration for whoever reads or explains it: import '@strongroom/service/config'. It stands apart from the rest,
// because the schema library takes 30 MB that a long-running service need not carry: services get their configuration,
// checked and complete, in the supervisor's `start` message.
import { readFileSync, statSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { checkText, CONFIG_BYTES_MAX, type ConfigFinding } from './config-check.ts';
import { CONFIG, type Config } from './config-schema.ts';
import { configKeys, valueAt, withDefaults, type KeySchema } from './config-walk.ts';

export type { Config } from './config-schema.ts';
export type { ConfigFinding } from './config-check.ts';

export interface ExplainedKey {
  /** Dotted path. */
  readonly key: string;
  readonly value: unknown;
  readonly default: unknown;
  readonly unit: string | null;
  readonly description: string;
  readonly example: unknown;
  readonly from: 'default' | 'file' | 'unset';
}

/** `$STRONGROOM_CONFIG`, or undefined when all is default. */
export function configFile(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const set = environment['STRONGROOM_CONFIG'];
  return set === undefined || set === '' ? undefined : set;
}

/**
 * The effective configuration, frozen. Throws `Refused` with the first finding's code (`config.file`, `config.yaml`,
 * `config.unknown-key`, `config.value`); all findings stand in `why`.
 */
export function loadConfig(file: string | undefined = configFile()): Config {
  const { value, findings } = readFileOf(file);
  const first = findings[0];
  if (first === undefined) return configOf(value);
  throw new Refused(first.code, `${file}: ${first.what}`, {
    why: [first.why, ...findings.slice(1).map((finding) => `also: ${finding.what} (${finding.why})`)].join('; '),
    fix: first.fix, fields: { file: file ?? '', findings: findings.length },
  });
}

/** A checked value with all defaults: the frozen configuration. */
export function configOf(value: unknown = {}): Config {
  return withDefaults(CONFIG as unknown as KeySchema, value) as Config;
}

/** Everything that is wrong with a file; empty when it can be used. */
export function checkConfig(file: string): readonly ConfigFinding[] {
  return readFileOf(file).findings;
}

/** Every key with its value and where that comes from. Throws what {@link loadConfig} throws. */
export function explainConfig(file: string | undefined = configFile()): ExplainedKey[] {
  const effective = loadConfig(file);
  const given = readFileOf(file).value;
  return configKeys().map(([key, schema]) => {
    const value = valueAt(effective, key);
    const from = valueAt(given, key) !== undefined ? 'file' : value === undefined ? 'unset' : 'default';
    return {
      key, value: value ?? null, default: schema.default ?? null, unit: schema.unit ?? null,
      description: schema.description, example: schema.examples?.[0] ?? null, from,
    };
  });
}

/** JSON Schema of the configuration file. Every key may be left out. */
export function configSchema(): Record<string, unknown> {
  const schema = structuredClone(JSON.parse(JSON.stringify(CONFIG))) as Record<string, unknown>;
  dropRequired(schema);
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Strongroom configuration', ...schema };
}

function dropRequired(schema: Record<string, unknown>): void {
  delete schema['required'];
  for (const below of Object.values((schema['properties'] ?? {}) as Record<string, Record<string, unknown>>)) dropRequired(below);
}

function readFileOf(file: string | undefined): { value: unknown; findings: readonly ConfigFinding[] } {
  if (file === undefined) return { value: {}, findings: [] };
  try {
    const { size } = statSync(file);
    if (size <= CONFIG_BYTES_MAX) return checkText(readFileSync(file, 'utf8'));
    return refusedFile(`it has ${size} octets, the limit is ${CONFIG_BYTES_MAX}`);
  } catch (error) {
    return refusedFile((error as Error).message);
  }
}

function refusedFile(why: string): { value: undefined; findings: ConfigFinding[] } {
  const fix = 'set STRONGROOM_CONFIG to a readable YAML file, or unset it';
  return { value: undefined, findings: [{ code: 'config.file', key: '', what: 'the file cannot be read', why, fix }] };
}

// SPDX-License-Identifier: Apache-2.0
// How long what is kept: retention classes, and the rules that choose one from the facts of a receipt. What a record says
// never chooses its class: whoever writes a line must not be able to shorten how long it is kept.
import type { Config } from './config-schema.ts';
import { RETENTION_PRESETS, type RetentionPreset } from './retention-presets.table.ts';

export const DEFAULT_CLASS = 'default';
/** What the default class keeps where the configuration does not say: a year, and a month over. */
const DEFAULT_KEEP_DAYS = 400;
/** Each may have a segment open, and syncs it in its cycles. */
export const CLASSES_MAX = 16;
/** Stands before the ids of holds in the names of wrapping keys. */
const RESERVED = 'hold';
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
/** Sources and protocols whose class is remembered at once. */
const KNOWN_MAX = 16_384;

type RetentionConfig = Config['retention'];

export interface RetentionClass {
  readonly name: string;
  readonly keepDays: number;
  /** Why so long. */
  readonly basis: string;
  readonly preset: string | null;
}

/** What chooses a class. */
export interface ReceiptFacts {
  /** SPIFFE ID. */
  readonly source: string;
  readonly protocol: string;
}

/** All classes of a checked configuration, the default one first. */
export function retentionClasses({ classes }: RetentionConfig): RetentionClass[] {
  const names = [DEFAULT_CLASS, ...Object.keys(classes).filter((name) => name !== DEFAULT_CLASS)];
  return names.map((name) => {
    const { keepDays, basis, preset } = Object.hasOwn(classes, name) ? classes[name]! : {};
    const chosen = presetOf(preset);
    return { name, keepDays: keepDays ?? chosen?.keepDays ?? DEFAULT_KEEP_DAYS, basis: basis ?? chosen?.basis ?? 'as configured', preset: preset ?? null };
  });
}

function presetOf(name: string | undefined): RetentionPreset | undefined {
  return name !== undefined && Object.hasOwn(RETENTION_PRESETS, name) ? RETENTION_PRESETS[name] : undefined;
}

/**
 * Chooses the class of a run: the first rule whose conditions all hold, else the default. Answers are remembered, because
 * a run costs this once; there are few sources and protocols.
 */
export function classifier({ rules }: RetentionConfig): (facts: ReceiptFacts) => string {
  const matchers = rules.map((rule) => ({ source: globOf(rule.source), protocol: globOf(rule.protocol), name: rule.class }));
  if (matchers.length === 0) return () => DEFAULT_CLASS;
  const known = new Map<string, string>();
  return ({ source, protocol }) => {
    const key = `${protocol} ${source}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = matchers.find((rule) => rule.source(shortName(source)) && rule.protocol(protocol))?.name ?? DEFAULT_CLASS;
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(key, found);
    return found;
  };
}

/** `web-01` for a source, `service/vault` for one of our own services, as everywhere on screens. */
function shortName(id: string): string {
  const [, role, name = ''] = /^spiffe:\/\/[^/]+\/([a-z]+)\/([^/]+)$/.exec(id) ?? [];
  if (role === undefined) return id;
  return role === 'source' ? name : `${role}/${name}`;
}

/** `*` stands for any characters; all else for itself. */
function globOf(pattern: string | undefined): (text: string) => boolean {
  if (pattern === undefined) return () => true;
  const expression = new RegExp(`^${pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('\\*', '.*')}$`, 's');
  return (text) => expression.test(text);
}

export interface RetentionFault {
  /** Dotted path of the key. */
  readonly key: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** What is wrong with a section that has the right form. */
export function retentionFaults({ classes, rules }: RetentionConfig): RetentionFault[] {
  const names = new Set([DEFAULT_CLASS, ...Object.keys(classes)]);
  const faults = Object.entries(classes).flatMap(([name, one]) => classFaults(name, one));
  if (names.size > CLASSES_MAX) faults.push({ key: 'retention.classes', what: `there are ${names.size} retention classes`, why: `the limit is ${CLASSES_MAX}, the default one included`, fix: 'put classes of the same duration together' });
  for (const [i, rule] of rules.entries()) {
    const key = `retention.rules.${i}`;
    if (!names.has(rule.class)) faults.push({ key: `${key}.class`, what: `there is no retention class "${rule.class ?? ''}"`, why: `the classes are ${[...names].join(', ')}`, fix: 'define it under retention.classes, or name another' });
    if (rule.source === undefined && rule.protocol === undefined) faults.push({ key, what: 'a retention rule has no condition', why: 'it would take everything, and the rules after it nothing', fix: 'give it a source or a protocol; what no rule takes is in the class "default"' });
  }
  return faults;
}

function classFaults(name: string, { keepDays, preset }: RetentionConfig['classes'][string]): RetentionFault[] {
  const key = `retention.classes.${name}`;
  const faults: RetentionFault[] = [];
  if (!NAME.test(name) || name === RESERVED) faults.push({ key, what: `"${name}" cannot be the name of a retention class`, why: `a name has 1 to 32 lower-case letters, digits or hyphens, and is not "${RESERVED}"`, fix: 'choose another, such as short or audit-trail' });
  const known = Object.keys(RETENTION_PRESETS);
  const chosen = presetOf(preset);
  if (preset !== undefined && chosen === undefined) faults.push({ key: `${key}.preset`, what: `there is no preset "${preset}"`, why: `the presets are ${known.join(', ')}`, fix: 'see "strongroom retention presets"' });
  if (name !== DEFAULT_CLASS && preset === undefined && keepDays === undefined) faults.push({ key, what: `the retention class "${name}" has no duration`, why: 'neither keepDays nor a preset is given', fix: 'for example: keepDays: 90' });
  if (chosen !== undefined && keepDays !== undefined && keepDays < chosen.keepDays) faults.push({ key: `${key}.keepDays`, what: `${keepDays} days are less than the preset "${preset}" keeps`, why: `it keeps ${chosen.keepDays}: ${chosen.basis}`, fix: 'leave keepDays out, raise it, or leave the preset out' });
  return faults;
}

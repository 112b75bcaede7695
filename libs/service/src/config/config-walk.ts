// SPDX-License-Identifier: Apache-2.0
// Walks the configuration's schema: its leaves are the keys that a person can set.
import { CONFIG } from './config-schema.ts';

/** The part of a JSON Schema that the configuration uses. */
export interface KeySchema {
  readonly type: string;
  readonly description: string;
  readonly unit?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, KeySchema>>;
  /** Of a list. */
  readonly items?: KeySchema;
  /** Of a section whose keys are names: what each holds. */
  readonly patternProperties?: Readonly<Record<string, KeySchema>>;
}

/** Every key as `[dotted path, schema]`, in the schema's order. */
export function configKeys(schema: KeySchema = CONFIG as unknown as KeySchema, prefix = ''): [string, KeySchema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, below]): [string, KeySchema][] =>
    below.properties === undefined ? [[prefix + name, below]] : configKeys(below, `${prefix}${name}.`));
}

/** The schema at a dotted path; '' is the whole. */
export function schemaAt(path: string): KeySchema | undefined {
  let schema: KeySchema | undefined = CONFIG as unknown as KeySchema;
  for (const name of path === '' ? [] : path.split('.')) {
    const item: KeySchema | undefined = /^\d+$/.test(name) ? schema?.items : undefined;
    schema = schema?.properties?.[name] ?? item ?? Object.values(schema?.patternProperties ?? {})[0];
  }
  return schema;
}

/** The value at a dotted path, undefined where a part is missing. */
export function valueAt(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

/** A copy with every default filled in. */
export function withDefaults(schema: KeySchema, value: unknown): unknown {
  if (schema.properties === undefined) return value === undefined ? structuredClone(schema.default) : value;
  const given = (value ?? {}) as Record<string, unknown>;
  const filled: Record<string, unknown> = {};
  for (const [name, below] of Object.entries(schema.properties)) {
    const part = withDefaults(below, given[name]);
    if (part !== undefined) filled[name] = part;
  }
  return Object.freeze(filled);
}

/** The known name nearest to a mistaken one, when it is near enough to be meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const scored = known.map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }));
  const best = scored.sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

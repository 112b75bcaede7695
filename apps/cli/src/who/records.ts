// SPDX-License-Identifier: Apache-2.0
// What records say of processes: docs/FORMAT.md, sections 18, 22 and 23.
import type { Item } from '@strongroom/evidence';

export interface Ancestor {
  readonly pid: number;
  /** All digits; null: not known. So below. */
  readonly started: string | null;
  readonly name: string | null;
  readonly executable: string | null;
}

export interface Container {
  readonly runtime: string | null;
  readonly id: string;
  readonly pod?: string;
}

/** Of one record: what it does not say is null. */
export interface ProcessFacts {
  readonly pid: number;
  readonly started: string | null;
  readonly name: string | null;
  readonly login: number | null;
  readonly session: number | null;
  readonly person: string | null;
  readonly unit: string | null;
  readonly userUnit: string | null;
  readonly container: Container | null;
  readonly cgroup: string | null;
  readonly executable: string | null;
  /** Null: another record has them, `ancestryIn`. */
  readonly ancestry: readonly Ancestor[] | null;
  readonly ancestryIn: string | null;
  /** Of what was executed, `major:minor` and number, where the record is of the execution. */
  readonly file: { readonly device: string; readonly inode: string } | null;
  readonly command: readonly string[] | null;
  /** `memfd`: what was executed lies in memory alone, so nobody hashes it. */
  readonly unhashed: string | null;
}

type Json = Record<string, unknown>;

/** Of an event by eBPF, or a `process` record, of which `pid` says one where it tells of several. Null: it is neither. */
export function processFacts({ protocol, raw }: Pick<Item, 'protocol' | 'raw'>, pid?: number): ProcessFacts | null {
  const event = raw === undefined || (protocol !== 'ebpf' && protocol !== 'process') ? null : oneOf(parsed(raw), pid);
  if (event === null) return null;
  const who = (protocol === 'ebpf' ? event['who'] : event) as Json | undefined ?? {};
  return {
    pid: Number(event['pid']), started: text(event['started']), name: text(event['name']), login: number(event['login']), session: number(event['session']),
    person: text(who['person']), unit: text(who['unit']), userUnit: text(who['userUnit']), container: (who['container'] ?? null) as Container | null, cgroup: text(who['cgroup']),
    executable: text(who['executable']) ?? text(event['executable']), ancestry: ancestry(who['ancestry']), ancestryIn: text(who['ancestryIn']),
    file: event['type'] === 'exec' && event['inode'] !== undefined ? { device: String(event['device']), inode: String(event['inode']) } : null,
    command: Array.isArray(event['command']) ? event['command'].map(String) : null, unhashed: text(event['unhashed']),
  };
}

/** The process that any record is about; null: none that it names. */
export function processId({ protocol, raw = '' }: Pick<Item, 'protocol' | 'raw'>): number | null {
  if (protocol === 'audit') return number(/(?:^|\s)pid=(\d{1,10})(?:\s|$)/m.exec(raw)?.[1]);
  const pid = parsed(raw)?.['pid'];
  return typeof pid === 'number' ? pid : null;
}

/** With what all have in common. */
function oneOf(record: Json | null, pid: number | undefined): Json | null {
  const all = record?.['processes'];
  if (!Array.isArray(all)) return record;
  const one = (all as Json[]).find((each) => Number(each['pid']) === pid);
  return one === undefined ? null : { ...record, ...one };
}

/** Numbers keep all their digits, as text. */
function parsed(raw: string): Json | null {
  try {
    const value = JSON.parse(raw, exactly as Parameters<typeof JSON.parse>[1]) as unknown;
    return typeof value === 'object' && value !== null ? value as Json : null;
  } catch {
    return null;
  }
}

function exactly(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? context?.source ?? value : value;
}

function ancestry(value: unknown): Ancestor[] | null {
  if (!Array.isArray(value)) return null;
  return (value as Json[]).map((one) => ({ pid: Number(one['pid']), started: text(one['started']), name: text(one['name']), executable: text(one['executable']) }));
}

function text(value: unknown): string | null {
  return value === undefined || value === null ? null : String(value);
}

function number(value: unknown): number | null {
  return value === undefined || value === null ? null : Number(value);
}

// SPDX-License-Identifier: Apache-2.0
// What changes the audit itself, told beside the raw records: rules, limits, who owns the socket, the count of lost records.
import type { Fields } from '@strongroom/service';
import { decodeLine } from './decode.ts';
import type { Status } from './frames.ts';
import type { AuditEvent } from './joiner.ts';
import { lineOf, TYPE, type AuditRecord } from './record.ts';

/** Of CONFIG_CHANGE and SYSCALL, what tells who changed what. */
const WHAT = ['op', 'key', 'list', 'audit_enabled', 'audit_failure', 'audit_pid', 'audit_backlog_limit', 'audit_backlog_wait_time', 'audit_rate_limit', 'lost', 'dir', 'old', 'res'];
const WHO = ['pid', 'auid', 'uid', 'ses', 'comm', 'exe'];

const NONE: Fields[] = [];

/** Fields of an event for each CONFIG_CHANGE in it. */
export function changesIn({ serial, records }: AuditEvent): Fields[] {
  if (!isChange(records)) return NONE;
  const changes = records.filter(({ type }) => type === TYPE.configChange);
  const who = pick(records.find(({ type }) => type === TYPE.syscall), WHO);
  return changes.map((record) => ({ serial, ...pick(record, WHAT), ...pick(record, WHO), ...who }));
}

/** Of nearly all events it is false. */
function isChange(records: readonly AuditRecord[]): boolean {
  for (const { type } of records) if (type === TYPE.configChange) return true;
  return false;
}

function pick(record: AuditRecord | undefined, names: readonly string[]): Record<string, string | null> {
  const found: Record<string, string | null> = {};
  for (const { name, value } of record === undefined ? [] : decodeLine(lineOf(record))?.fields ?? []) if (names.includes(name)) found[name] = value;
  return found;
}

const WATCHED = ['enabled', 'failure', 'pid', 'rateLimit', 'backlogLimit', 'backlogWaitTime', 'execRules'] as const;

/** What differs between two readings, such as `pidFrom` and `pidTo`; null if nothing does. */
export function differences(before: Status, now: Status): Record<string, number> | null {
  const changed = WATCHED.filter((name) => before[name] !== now[name]);
  return changed.length === 0 ? null : Object.fromEntries(changed.flatMap((name) => [[`${name}From`, before[name]], [`${name}To`, now[name]]]));
}

const MODULUS = 2 ** 32;
/** A count that falls from so near to its end has begun anew by itself. */
const WRAP_FROM = MODULUS - 2 ** 24;

/** How the kernel's count of lost records went on: `records` more were lost, as far as can be told. */
export function lostBetween(before: number, now: number): { readonly kind: 'same' | 'more' | 'wrapped' | 'reset'; readonly records: number } {
  if (now === before) return { kind: 'same', records: 0 };
  if (now > before) return { kind: 'more', records: now - before };
  return before >= WRAP_FROM ? { kind: 'wrapped', records: now + MODULUS - before } : { kind: 'reset', records: now };
}


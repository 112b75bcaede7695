// SPDX-License-Identifier: Apache-2.0
// Points in time as people write them, and as tables show them. Nanoseconds since 1970, UTC, as bigint.
import { Refused } from '@strongroom/bytes';

const SECOND = 1_000_000_000n;
const UNITS: Readonly<Record<string, bigint>> = { s: SECOND, m: 60n * SECOND, h: 3600n * SECOND, d: 86_400n * SECOND, w: 604_800n * SECOND };
/** RFC 3339 section 5.6, with up to nine digits of a second; a date alone is its midnight, UTC. */
const DATE_TIME = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2}))?$/;

/** `1h`, `90m`, `2d` before `now`, `now`, or RFC 3339. Throws `Refused('usage.time')`. */
export function parseTime(text: string, now: bigint): bigint {
  if (text === 'now') return now;
  const relative = /^(\d{1,9})([smhdw])$/.exec(text);
  if (relative !== null) return earlier(now, BigInt(relative[1]!) * UNITS[relative[2]!]!);
  const match = DATE_TIME.exec(text);
  if (match === null) throw notATime(text, 'it is neither a time before now, such as 90m, nor RFC 3339 with a zone');
  const [, date, time = '00:00', fraction = '', zone = 'Z'] = match;
  const milliseconds = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}${zone.toUpperCase()}`);
  if (Number.isNaN(milliseconds) || (zone.toUpperCase() === 'Z' && !sameDay(milliseconds, date!))) throw notATime(text, 'there is no such day or hour');
  if (milliseconds < 0) throw notATime(text, 'it is before 1970');
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function earlier(now: bigint, by: bigint): bigint {
  return by > now ? 0n : now - by;
}

/** `Date.parse` takes 2026-02-30 for the second of March. */
function sameDay(milliseconds: number, date: string): boolean {
  return new Date(milliseconds).toISOString().startsWith(date);
}

function notATime(text: string, why: string): Refused {
  return new Refused('usage.time', `"${text.slice(0, 60)}" is no time`, { why, fix: 'write for example 1h, 2d, 2026-03-01 or 2026-03-01T08:30:00Z' });
}

/** `2026-03-01 08:30:00.123Z`, local to nobody: UTC, cut to milliseconds. */
export function shortTime(rfc3339: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d{1,3})?\d*Z$/.exec(rfc3339);
  return match === null ? rfc3339 : `${match[1]} ${match[2]}${match[3] ?? ''}Z`;
}

/** How long ago, in ms; null when there is no time. */
export function ageMs(rfc3339: string | null, now: bigint): number | null {
  if (rfc3339 === null) return null;
  const at = Date.parse(rfc3339);
  return Number.isNaN(at) ? null : Math.max(0, Number(now / 1_000_000n) - at);
}

/** The error bound of a clock, in words. */
export function boundText(ns: number | null): string {
  if (ns === null) return '± not known';
  if (ns < 1000) return `± ${ns} ns`;
  if (ns >= 1_000_000_000) return `± ${Number((ns / 1_000_000_000).toFixed(3))} s`;
  return ns < 1_000_000 ? `± ${(ns / 1000).toFixed(1)} µs` : `± ${(ns / 1_000_000).toFixed(ns < 10_000_000 ? 1 : 0)} ms`;
}

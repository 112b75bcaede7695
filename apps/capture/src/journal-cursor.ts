// SPDX-License-Identifier: Apache-2.0
// A journal entry's cursor: `s=<seqnum id>;i=<seqnum>;b=<boot id>;m=<monotonic µs>;t=<realtime µs>;x=<hash>`, hexadecimal.
// Sequence numbers change when journald moves its runtime journal to disk, and a journal that lost its tail in a crash
// gives them out a second time; boot, times and hash of an entry stay. So entries are compared by those.
import { fitsToken } from './token.ts';

const NAME = Buffer.from('"__CURSOR"');
/** From the name to the end of the value, spaces allowed for. */
export const CURSOR_FIELD_BYTES_MAX = 320;
const FIELD = /^"__CURSOR"[ \t]*:[ \t]*"([^"\\]*)"/;

/**
 * The cursor in a line of journalctl's JSON, null if it has none that fits a token. Fields stand in any order and a log
 * message may hold any text, but inside a JSON string every quote is escaped: the quoted name followed by a colon is
 * the field itself.
 */
export function cursorIn(line: Buffer): string | null {
  for (let at = line.indexOf(NAME); at >= 0; at = line.indexOf(NAME, at + 1)) {
    const cursor = FIELD.exec(line.toString('latin1', at, at + CURSOR_FIELD_BYTES_MAX))?.[1];
    if (cursor !== undefined) return fitsToken(cursor) ? cursor : null;
  }
  return null;
}

/** Whether two cursors name one entry. */
export function sameEntry(one: string, other: string): boolean {
  if (one === other) return true;
  const [a, b] = [partsOf(one), partsOf(other)];
  return a['x'] !== undefined && ['b', 'm', 't', 'x'].every((name) => a[name] === b[name]);
}

/**
 * Whether the entry at `cursor` is certainly older than the one at `than`: in one boot by the monotonic clock; in another
 * boot by the wall clock, unless that is `boot`, the present one, whose wall clock may have begun anew.
 */
export function isOlder(cursor: string, than: string, boot: string): boolean {
  const [a, b] = [partsOf(cursor), partsOf(than)];
  const clock = a['b'] === b['b'] ? 'm' : 't';
  if (clock === 't' && a['b'] === boot.replaceAll('-', '')) return false;
  const [mine, theirs] = [a[clock], b[clock]];
  return mine !== undefined && theirs !== undefined && numberOf(mine) < numberOf(theirs);
}

/** When the entry was written by the journal's clock, ISO 8601; null if the cursor doesn't say. */
export function timeOf(cursor: string): string | null {
  const t = partsOf(cursor)['t'];
  const ms = t === undefined ? Number.NaN : Number(numberOf(t) / 1000n);
  return ms <= 8.64e15 ? new Date(ms).toISOString() : null;
}

type Parts = Readonly<Partial<Record<string, string>>>;

function partsOf(cursor: string): Parts {
  const parts = cursor.split(';').filter((part) => /^[a-z]=[0-9a-f]+$/.test(part));
  return Object.fromEntries(parts.map((part) => [part[0]!, part.slice(2)]));
}

function numberOf(hexadecimal: string): bigint {
  return BigInt(`0x${hexadecimal}`);
}

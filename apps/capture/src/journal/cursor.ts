// SPDX-License-Identifier: Apache-2.0
// A journal entry's cursor: `s=<seqnum id>;i=<seqnum>;b=<boot id>;m=<monotonic µs>;t=<realtime µs>;x=<hash>`, hexadecimal.
// Sequence numbers change when journald moves its runtime journal to disk, and a journal that lost its tail in a crash
// gives them out a second time. Boot, times and hash of an entry stay, but all that journald reads at once gets one time,
// and equal messages among them one hash.
import { fitsToken } from '../token.ts';

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

/**
 * Whether the entry at `cursor` is certainly not newer than the one at `than`: in one boot by the monotonic clock and,
 * in the same moment, by the sequence number; in another boot by the wall clock, unless that is `boot`, the present one,
 * whose wall clock may have begun anew.
 */
export function isNotNewer(cursor: string, than: string, boot: string): boolean {
  const [a, b] = [partsOf(cursor), partsOf(than)];
  if (a['b'] !== b['b']) return a['b'] !== boot.replaceAll('-', '') && compare(a['t'], b['t']) < 0;
  const order = compare(a['m'], b['m']);
  return order < 0 || (order === 0 && a['s'] === b['s'] && compare(a['i'], b['i']) <= 0);
}

/** Whether two entries have one moment and different numberings: then they may be copies, and have no order. */
export function areTied(one: string, other: string): boolean {
  const [a, b] = [partsOf(one), partsOf(other)];
  return a['s'] !== b['s'] && a['m'] !== undefined && a['m'] === b['m'] && a['b'] === b['b'];
}

/** When the entry was written by the journal's clock, ISO 8601; null if the cursor doesn't say. */
export function timeOf(cursor: string): string | null {
  const t = partsOf(cursor)['t'];
  const ms = t === undefined ? Number.NaN : Number(numberOf(t) / 1000n);
  return ms <= 8.64e15 ? new Date(ms).toISOString() : null;
}

export type CursorParts = Readonly<Partial<Record<string, string>>>;

/** The parts of a cursor by name; what is none is left out. */
export function partsOf(cursor: string): CursorParts {
  const parts = cursor.split(';').filter((part) => /^[a-z]=[0-9a-f]+$/.test(part));
  return Object.fromEntries(parts.map((part) => [part[0]!, part.slice(2)]));
}

/** As numbers; one that is missing compares as greater. */
function compare(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return 1;
  const [a, b] = [numberOf(one), numberOf(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

function numberOf(hexadecimal: string): bigint {
  return BigInt(`0x${hexadecimal}`);
}

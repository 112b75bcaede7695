// SPDX-License-Identifier: Apache-2.0
// A cursor as systemd writes it, in less than half of its room. Nothing is left out: one that would not come back letter by
// letter is not packed.
//   packed = 16 B seqnum id · number i · [16 B boot id, unless it is the one beside it] · number m · number t · number x
//   number = u8 length · so many octets, big-endian, none of them a leading zero
import type { ByteReader, ByteWriter } from '@strongroom/bytes';
import { Refused } from '@strongroom/bytes';

const CURSOR = /^s=([0-9a-f]{32});i=([0-9a-f]{1,16});b=([0-9a-f]{32});m=([0-9a-f]{1,16});t=([0-9a-f]{1,16});x=([0-9a-f]{1,16})$/;
const LEADING_ZERO = /^0./;
const NUMBER_BYTES_MAX = 8;
export const PACKED_BYTES_MAX = 2 * 16 + 4 * (1 + NUMBER_BYTES_MAX);

/** The parts of a cursor that can be packed, each in hexadecimal. */
export interface Packable {
  readonly seqnumId: string;
  /** Null: the boot id beside it. */
  readonly boot: string | null;
  /** i, m, t and x. */
  readonly numbers: readonly string[];
}

/** Null: it is another kind of cursor. `boot`: the boot id beside it, without hyphens. */
export function packable(cursor: string, boot: string): Packable | null {
  const [, seqnumId, i, own, m, t, x] = CURSOR.exec(cursor) ?? [];
  const numbers = [i, m, t, x];
  if (seqnumId === undefined || numbers.some((hex) => LEADING_ZERO.test(hex!))) return null;
  return { seqnumId, boot: own === boot ? null : own!, numbers: numbers as string[] };
}

export function packCursor(to: ByteWriter, { seqnumId, boot, numbers: [i, ...others] }: Packable): void {
  to.bytes(Buffer.from(seqnumId, 'hex'));
  writeNumber(to, i!);
  if (boot !== null) to.bytes(Buffer.from(boot, 'hex'));
  for (const hex of others) writeNumber(to, hex);
}

/** `boot`: the one beside it, where the cursor has none of its own. Throws `Refused`: `capture.token`, `bytes.*`. */
export function unpackCursor(from: ByteReader, boot: string | null): string {
  const seqnumId = from.take(16).toString('hex');
  const i = readNumber(from);
  const own = boot ?? from.take(16).toString('hex');
  return `s=${seqnumId};i=${i};b=${own};m=${readNumber(from)};t=${readNumber(from)};x=${readNumber(from)}`;
}

function writeNumber(to: ByteWriter, hex: string): void {
  const octets = hex === '0' ? Buffer.alloc(0) : Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  to.u8(octets.length).bytes(octets);
}

function readNumber(from: ByteReader): string {
  const length = from.u8();
  if (length > NUMBER_BYTES_MAX) throw new Refused('capture.token', 'the resume token from the vault cannot be read', { why: `a number of its cursor has ${length} octets` });
  return from.take(length).toString('hex').replace(/^0+/, '') || '0';
}

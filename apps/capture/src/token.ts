// SPDX-License-Identifier: Apache-2.0
// How far this host has been read. The vault commits it together with the records, as the resume token:
//   token = u8 version 1 · 16 B boot id · u8 1 if a kmsg sequence follows, else 0 · [u64 sequence] · journal cursor (ASCII, may be empty)
import { ByteReader, ByteWriter, Refused } from '@strongroom/bytes';
import { TOKEN_BYTES_MAX } from '@strongroom/evidence';

const VERSION = 1;
const BOOT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PRINTABLE = /^[\x21-\x7e]*$/;
/** A cursor of systemd has at most 145 characters today. */
export const CURSOR_CHARACTERS_MAX = TOKEN_BYTES_MAX - 26;

export interface Position {
  /** Boot that `kmsg` counts in, as in /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
  /** Sequence number of the last kernel message taken in that boot; null: none yet. */
  readonly kmsg: number | null;
  /** Of the last journal entry taken; null: none yet. */
  readonly cursor: string | null;
}

/** At most {@link TOKEN_BYTES_MAX} octets, given a cursor of at most {@link CURSOR_CHARACTERS_MAX} printable characters. */
export function encodeToken({ boot, kmsg, cursor }: Position): Buffer {
  const to = new ByteWriter(TOKEN_BYTES_MAX).u8(VERSION).bytes(Buffer.from(boot.replaceAll('-', ''), 'hex'));
  if (kmsg === null) to.u8(0);
  else to.u8(1).u64(kmsg);
  return Buffer.from(to.bytes(Buffer.from(cursor ?? '', 'latin1')).finish());
}

/** Null for the empty token. Throws `Refused`: `capture.token`, `bytes.*`. */
export function decodeToken(token: Buffer): Position | null {
  if (token.length === 0) return null;
  const from = new ByteReader(token);
  const version = from.u8();
  if (version !== VERSION) throw unknown(`its version is ${version}, known is ${VERSION}`);
  const boot = bootIdOf(from.take(16).toString('hex'));
  const counted = from.u8();
  if (counted > 1) throw unknown(`a flag is ${counted}, known are 0 and 1`);
  const kmsg = counted === 1 ? from.size() : null;
  const cursor = from.take(from.remaining).toString('latin1');
  if (!PRINTABLE.test(cursor)) throw unknown('its journal cursor is not printable');
  return { boot, kmsg, cursor: cursor === '' ? null : cursor };
}

/** Whether a cursor can stand in a token. */
export function fitsToken(cursor: string): boolean {
  return cursor.length > 0 && cursor.length <= CURSOR_CHARACTERS_MAX && PRINTABLE.test(cursor);
}

/** The kernel's spelling of a boot id, with or without hyphens in `text`. Throws `Refused('capture.boot-id')`. */
export function bootIdOf(text: string): string {
  const hex = text.trim().replaceAll('-', '');
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.*)$/, '$1-$2-$3-$4-$5');
  if (BOOT_ID.test(id)) return id;
  throw new Refused('capture.boot-id', `"${text.slice(0, 60)}" is no boot id`, { why: '32 hexadecimal digits were expected' });
}

function unknown(why: string): Refused {
  return new Refused('capture.token', 'the resume token from the vault cannot be read', { why, fix: 'start the version of Strongroom that wrote it, or a newer one' });
}

// SPDX-License-Identifier: Apache-2.0
// How far this host has been read. The vault commits it together with the records, as the resume token:
//   token = u8 version 2 · 16 B boot id · u8 what follows (1 kmsg, 2 audit, 4 ebpf, 8 files, 16 seen) · [u64 kmsg sequence] · [audit position] ·
//     [u64 life of the probe · u64 events settled · [u64 seen]] · [u64 baseline · u64 of its digest · u64 number settled] · journal cursor (ASCII, may be empty)
// Version 1 is the same without audit, ebpf and files. `seen` is left out where there is no room.
import { ByteReader, ByteWriter, Refused } from '@strongroom/bytes';
import { TOKEN_BYTES_MAX } from '@strongroom/evidence';
import { AUDIT_POSITION_BYTES_MAX, MISSING_MAX, readPosition, writePosition, type AuditPosition } from './audit/position.ts';

const VERSION = 2;
const [KMSG, AUDIT, EBPF, FILES, SEEN] = [1, 2, 4, 8, 16];
const SEEN_BYTES = 8;
const EBPF_POSITION_BYTES = 16;
const FILES_POSITION_BYTES = 24;
const BOOT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PRINTABLE = /^[\x21-\x7e]*$/;
/** A cursor of systemd has at most 145 characters today. */
export const CURSOR_CHARACTERS_MAX = TOKEN_BYTES_MAX - 26 - AUDIT_POSITION_BYTES_MAX - EBPF_POSITION_BYTES - FILES_POSITION_BYTES;

/** How much of what one life of the probe produced is sealed or counted as lost. */
export interface EbpfPosition {
  /** When that life began, in ns since boot. */
  readonly life: bigint;
  readonly settled: number;
  /** Up to when it is known to have told everything, in ns since boot. Kept where there is room for it. */
  readonly seen?: bigint;
}

/** How far the differences of watched files are sealed. It holds over boots. */
export interface FilesPosition {
  /** Which baseline numbers them. */
  readonly baseline: bigint;
  /** The first octets of the digest that a scan stated last; 0: none did. */
  readonly digest: bigint;
  /** All numbers up to this one are sealed or told as missing. */
  readonly settled: number;
}

export interface Position {
  /** Boot that `kmsg` and `audit` count in, as in /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
  /** Sequence number of the last kernel message taken in that boot; null: none yet. */
  readonly kmsg: number | null;
  /** Which events of the kernel's audit were taken in that boot; null: none yet. */
  readonly audit: AuditPosition | null;
  /** Absent: no probe was there yet in that boot. */
  readonly ebpf?: EbpfPosition;
  /** Absent: no reader of files was there yet. */
  readonly files?: FilesPosition;
  /** Of the last journal entry taken; null: none yet. */
  readonly cursor: string | null;
}

/** At most {@link TOKEN_BYTES_MAX} octets, given a cursor of at most {@link CURSOR_CHARACTERS_MAX} printable characters. */
export function encodeToken(position: Position): Buffer {
  const { boot, kmsg, audit, ebpf, files, cursor } = position;
  const seen = hasRoom(position) ? ebpf?.seen : undefined;
  const to = new ByteWriter(TOKEN_BYTES_MAX).u8(VERSION).bytes(Buffer.from(boot.replaceAll('-', ''), 'hex'));
  to.u8((kmsg === null ? 0 : KMSG) | (audit === null ? 0 : AUDIT) | (ebpf === undefined ? 0 : EBPF) | (files === undefined ? 0 : FILES) | (seen === undefined ? 0 : SEEN));
  if (kmsg !== null) to.u64(kmsg);
  if (audit !== null) writePosition(to, audit);
  if (ebpf !== undefined) to.u64(ebpf.life).u64(ebpf.settled);
  if (seen !== undefined) to.u64(seen);
  if (files !== undefined) to.u64(files.baseline).u64(files.digest).u64(files.settled);
  return Buffer.from(to.bytes(Buffer.from(cursor ?? '', 'latin1')).finish());
}

/** Whether the token of a position has eight octets to spare. */
function hasRoom({ kmsg, audit, files, cursor }: Position): boolean {
  const ofAudit = audit === null ? 0 : AUDIT_POSITION_BYTES_MAX - (MISSING_MAX - audit.missing.length) * 8;
  const bytes = 18 + (kmsg === null ? 0 : 8) + ofAudit + EBPF_POSITION_BYTES + (files === undefined ? 0 : FILES_POSITION_BYTES) + (cursor?.length ?? 0);
  return bytes + SEEN_BYTES <= TOKEN_BYTES_MAX;
}

/** Null for the empty token. Throws `Refused`: `capture.token`, `bytes.*`. */
export function decodeToken(token: Buffer): Position | null {
  if (token.length === 0) return null;
  const from = new ByteReader(token);
  const version = from.u8();
  if (version < 1 || version > VERSION) throw unknown(`its version is ${version}, known are 1 and ${VERSION}`);
  const boot = bootIdOf(from.take(16).toString('hex'));
  const follows = from.u8();
  if (follows > (version === 1 ? KMSG : KMSG | AUDIT | EBPF | FILES | SEEN) || ((follows & SEEN) !== 0 && (follows & EBPF) === 0)) throw unknown(`${follows} is not known to say what follows`);
  const kmsg = (follows & KMSG) === 0 ? null : from.size();
  const audit = (follows & AUDIT) === 0 ? null : readPosition(from);
  const ebpf = (follows & EBPF) === 0 ? {} : { ebpf: { life: from.u64(), settled: from.size(), ...((follows & SEEN) === 0 ? {} : { seen: from.u64() }) } };
  const files = (follows & FILES) === 0 ? {} : { files: { baseline: from.u64(), digest: from.u64(), settled: from.size() } };
  const cursor = from.take(from.remaining).toString('latin1');
  if (!PRINTABLE.test(cursor)) throw unknown('its journal cursor is not printable');
  return { boot, kmsg, audit, ...ebpf, ...files, cursor: cursor === '' ? null : cursor };
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

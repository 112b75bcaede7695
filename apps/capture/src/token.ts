// SPDX-License-Identifier: Apache-2.0
// How far this host has been read. The vault commits it together with the records, as the resume token:
//   token = u8 version 3 · 16 B boot id · u8 what follows (1 kmsg, 2 audit, 4 ebpf, 8 files, 16 seen, 32 packed cursor, 64 of that boot) · [u64 kmsg sequence] ·
//     [audit position] · [u64 life of the probe · u64 events settled · [u64 seen]] · [u64 baseline · u64 of its digest · u64 number settled] · journal cursor
// The cursor is packed, or ASCII, or empty. Version 2 has no packed one, version 1 neither audit, ebpf nor files. What fits is bounded by
// its parts: `checkRoom` adds up the longest there can be. Only beside a cursor that cannot be packed, `seen` and holes may lack room.
import { ByteReader, ByteWriter, Failed, Refused } from '@strongroom/bytes';
import { TOKEN_BYTES_MAX } from '@strongroom/evidence';
import { auditPositionBytes, HOLES_MAX, joined, readPosition, writePosition, type AuditPosition } from './audit/position.ts';
import { packable, packCursor, PACKED_BYTES_MAX, unpackCursor, type Packable } from './journal/packed-cursor.ts';

const VERSION = 3;
const [KMSG, AUDIT, EBPF, FILES, SEEN, PACKED, SAME_BOOT] = [1, 2, 4, 8, 16, 32, 64];
/** All that may follow, by version. */
const FOLLOWS: Readonly<Record<number, number>> = { 1: KMSG, 2: KMSG | AUDIT | EBPF | FILES | SEEN, 3: KMSG | AUDIT | EBPF | FILES | SEEN | PACKED | SAME_BOOT };
const [HEAD_BYTES, KMSG_BYTES, EBPF_BYTES, SEEN_BYTES, FILES_BYTES] = [18, 8, 16, 8, 24];
/** Holes of the audit that a token names in any case. */
const HOLES_MIN = 5;
const BOOT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PRINTABLE = /^[\x21-\x7e]*$/;
/** A cursor of systemd has at most 145 characters today. */
export const CURSOR_CHARACTERS_MAX = 145;

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

/**
 * Throws `Failed('capture.token-room')` when the parts of a position could be longer than the vault takes. To be asked at the start: a
 * version of capture of which that is true shall not run until it has so much to tell.
 */
export function checkRoom(bytesMax = TOKEN_BYTES_MAX): void {
  const fixed = HEAD_BYTES + KMSG_BYTES + EBPF_BYTES + FILES_BYTES;
  const needed = fixed + Math.max(SEEN_BYTES + auditPositionBytes(HOLES_MAX) + PACKED_BYTES_MAX, auditPositionBytes(HOLES_MIN) + CURSOR_CHARACTERS_MAX);
  if (needed <= bytesMax) return;
  throw new Failed('capture.token-room', 'how far this host has been read cannot be kept', { why: `it may take ${needed} octets, and the vault keeps ${bytesMax}`, fix: 'this is a fault of this version: start the one before, and report it' });
}

/** At most {@link TOKEN_BYTES_MAX} octets, given a cursor of at most {@link CURSOR_CHARACTERS_MAX} printable characters. */
export function encodeToken({ boot, kmsg, audit, ebpf, files, cursor }: Position): Buffer {
  const bootHex = boot.replaceAll('-', '');
  const packed = cursor === null ? null : packable(cursor, bootHex);
  const room = TOKEN_BYTES_MAX - HEAD_BYTES - (kmsg === null ? 0 : KMSG_BYTES) - (ebpf === undefined ? 0 : EBPF_BYTES) - (files === undefined ? 0 : FILES_BYTES) - (packed === null ? cursor?.length ?? 0 : PACKED_BYTES_MAX);
  const named = audit === null ? null : joined(audit, packed === null ? HOLES_MIN : HOLES_MAX);
  const seen = room - (named === null ? 0 : auditPositionBytes(named.missing.length)) >= SEEN_BYTES ? ebpf?.seen : undefined;
  const to = new ByteWriter(TOKEN_BYTES_MAX).u8(VERSION).bytes(Buffer.from(bootHex, 'hex'));
  to.u8((kmsg === null ? 0 : KMSG) | (named === null ? 0 : AUDIT) | (ebpf === undefined ? 0 : EBPF) | (files === undefined ? 0 : FILES) | (seen === undefined ? 0 : SEEN) | flagsOf(packed));
  if (kmsg !== null) to.u64(kmsg);
  if (named !== null) writePosition(to, named);
  if (ebpf !== undefined) to.u64(ebpf.life).u64(ebpf.settled);
  if (seen !== undefined) to.u64(seen);
  if (files !== undefined) to.u64(files.baseline).u64(files.digest).u64(files.settled);
  if (packed === null) to.bytes(Buffer.from(cursor ?? '', 'latin1'));
  else packCursor(to, packed);
  return Buffer.from(to.finish());
}

function flagsOf(packed: Packable | null): number {
  if (packed === null) return 0;
  return packed.boot === null ? PACKED | SAME_BOOT : PACKED;
}

/** Null for the empty token. Throws `Refused`: `capture.token`, `bytes.*`. */
export function decodeToken(token: Buffer): Position | null {
  if (token.length === 0) return null;
  const from = new ByteReader(token);
  const version = from.u8();
  if (version < 1 || version > VERSION) throw unknown(`its version is ${version}, known are 1 to ${VERSION}`);
  const bootHex = from.take(16).toString('hex');
  const follows = from.u8();
  const has = (part: number): boolean => (follows & part) !== 0;
  if ((follows & ~FOLLOWS[version]!) !== 0 || (has(SEEN) && !has(EBPF)) || (has(SAME_BOOT) && !has(PACKED))) throw unknown(`${follows} is not known to say what follows`);
  const kmsg = has(KMSG) ? from.size() : null;
  const audit = has(AUDIT) ? readPosition(from, version) : null;
  const ebpf = has(EBPF) ? { ebpf: { life: from.u64(), settled: from.size(), ...(has(SEEN) ? { seen: from.u64() } : {}) } } : {};
  const files = has(FILES) ? { files: { baseline: from.u64(), digest: from.u64(), settled: from.size() } } : {};
  const packed = has(PACKED) ? unpackCursor(from, has(SAME_BOOT) ? bootHex : null) : null;
  if (packed !== null && from.remaining > 0) throw unknown(`${from.remaining} octets follow its cursor`);
  const cursor = packed ?? from.take(from.remaining).toString('latin1');
  if (!PRINTABLE.test(cursor)) throw unknown('its journal cursor is not printable');
  return { boot: bootIdOf(bootHex), kmsg, audit, ...ebpf, ...files, cursor: cursor === '' ? null : cursor };
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

// SPDX-License-Identifier: Apache-2.0
// Segments and their frames, docs/FORMAT.md section 3.
import { createHmac, hash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ByteReader, ByteWriter, Refused, invariant } from '@strongroom/bytes';
import { NONCE_BYTES, TAG_BYTES, xaesOpen, xaesSealParts, type XaesKey } from './xaes.ts';

const SEGMENT_MAGIC = Buffer.from('SRSEG01\n');
const FRAME_MAGIC = 0x53524631; // "SRF1"
const BOUND_HEADER = 20;
export const FRAME_HEADER_BYTES: number = BOUND_HEADER + NONCE_BYTES;
/** Plain octets of one frame; a cycle fills at most a small part of it. */
export const FRAME_PLAIN_MAX: number = 64 * 1024 * 1024;
const FINAL = 1;
const ZSTD = 2;
/** Level 1, in the processor's nearer caches: a small window and a small table are faster, and hardly longer on log lines. */
const ZSTD_PARAMETERS = {
  [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 17, [constants.ZSTD_c_hashLog]: 13, [constants.ZSTD_c_minMatch]: 6,
};
/** The least that Node takes as the size of an output buffer. */
const CHUNK_MIN = 64;
/** Below this zstd cannot win. */
const COMPRESS_FROM = 128;

export interface SegmentHeader {
  readonly origin: string;
  readonly id: string;
  readonly createdAt: bigint;
  readonly retentionClass: string;
  readonly bucket: string;
  readonly keyId: string;
  readonly commitment: Buffer;
}

/** `0000000000000012` for 18. */
export function segmentName(id: number): string {
  return id.toString(16).padStart(16, '0');
}

/** `<id>.seg`, or `<id>.<offset>.seg` for a part that recovery wrote. */
export function partName(segment: string, offset: number): string {
  return offset === 0 ? `${segment}.seg` : `${segment}.${offset}.seg`;
}

/** Offset of a segment's part, or null for a file that is none. */
export function parsePartName(name: string): { segment: string; offset: number } | null {
  const match = /^([0-9a-f]{16})(?:\.(0|[1-9][0-9]*))?\.seg$/.exec(name);
  return match === null || !Number.isSafeInteger(Number(match[2] ?? 0)) ? null : { segment: match[1]!, offset: Number(match[2] ?? 0) };
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const to = new ByteWriter(256).bytes(SEGMENT_MAGIC).str16(header.origin).u64(BigInt(`0x${header.id}`)).u64(header.createdAt);
  return to.str16(header.retentionClass).str16(header.bucket).str16(header.keyId).bytes(header.commitment).finish();
}

/** The header and its length in octets. Throws `Refused`: `segment.version`, `bytes.*`. */
export function decodeSegmentHeader(bytes: Buffer): { header: SegmentHeader; length: number } {
  const from = new ByteReader(bytes);
  if (!from.take(8).equals(SEGMENT_MAGIC)) throw new Refused('segment.version', 'this is no segment of version 1');
  const header = {
    origin: from.str16(), id: from.u64().toString(16).padStart(16, '0'), createdAt: from.u64(), retentionClass: from.str16(),
    bucket: from.str16(), keyId: from.str16(), commitment: Buffer.from(from.take(32)),
  };
  return { header, length: from.offset };
}

/** Longer than any header that we write. */
export const SEGMENT_HEADER_MAX = 4096;

/** Ties a segment to one data key, because AES-GCM alone does not. */
export function keyCommitment(dataKey: Buffer, segment: string): Buffer {
  const label = new ByteWriter(64).bytes(Buffer.from('strongroom key commitment v1')).u64(BigInt(`0x${segment}`)).finish();
  return createHmac('sha256', dataKey).update(label).digest();
}

export interface FrameHeader {
  readonly index: number;
  readonly final: boolean;
  readonly compressed: boolean;
  readonly plainLength: number;
  readonly sealedLength: number;
  readonly nonce: Buffer;
  /** The first 20 octets, which the additional data covers. */
  readonly bound: Buffer;
}

/** What a frame encrypts: its plain bytes, compressed by zstd level 1 where that shortens them. */
export interface PackedFrame {
  readonly body: Buffer;
  readonly compressed: boolean;
  readonly plainLength: number;
}

/** `body` may be `plain` itself. */
export function packFrame(plain: Buffer): PackedFrame {
  return packed(plain, plain.length < COMPRESS_FROM ? plain : zstdCompressSync(plain, zstdOptions(plain)));
}

/** The same in a thread of the pool, which pays for much. `plain` must stay as it is meanwhile, and may change afterwards. */
export async function packFrameAside(plain: Buffer): Promise<PackedFrame> {
  const frame = packed(plain, await zstdCompressAside(plain, zstdOptions(plain)));
  return frame.compressed ? frame : { ...frame, body: Buffer.from(plain) };
}

const zstdCompressAside = promisify(zstdCompress);

function packed(plain: Buffer, shorter: Buffer): PackedFrame {
  invariant(plain.length <= FRAME_PLAIN_MAX, 'segment.frame-too-long', `a frame of ${plain.length} octets`);
  const compressed = shorter.length < plain.length;
  return { body: compressed ? shorter : plain, compressed, plainLength: plain.length };
}

/** The whole frame, in parts that belong one after the other. */
export function sealFrame(key: XaesKey, headerDigest: Buffer, index: number, plain: Buffer | PackedFrame, final = false, nonce: Buffer = randomBytes(NONCE_BYTES)): Buffer[] {
  const { body, compressed, plainLength } = Buffer.isBuffer(plain) ? packFrame(plain) : plain;
  const to = new ByteWriter(FRAME_HEADER_BYTES).u32(FRAME_MAGIC).u32(index).u8((final ? FINAL : 0) | (compressed ? ZSTD : 0));
  to.u8(0).u16(0).u32(plainLength).u32(body.length + TAG_BYTES).bytes(nonce);
  const header = to.finish();
  return [header, ...xaesSealParts(key, nonce, body, additionalData(headerDigest, header))];
}

/** Room for the longest outcome: then zstd reads where the plain bytes lie, instead of copying them first. */
function zstdOptions(plain: Buffer) {
  return { params: ZSTD_PARAMETERS, chunkSize: Math.max(CHUNK_MIN, plain.length + (plain.length >>> 8) + 128) };
}

/** Throws `Refused`: `segment.frame`, `bytes.truncated`. */
export function decodeFrameHeader(bytes: Buffer): FrameHeader {
  const from = new ByteReader(bytes);
  const [magic, index, flags, zero, zeros, plainLength, sealedLength] = [from.u32(), from.u32(), from.u8(), from.u8(), from.u16(), from.u32(), from.u32()];
  if (magic !== FRAME_MAGIC || (flags & ~(FINAL | ZSTD)) !== 0 || zero !== 0 || zeros !== 0 || plainLength > FRAME_PLAIN_MAX || sealedLength > FRAME_PLAIN_MAX + TAG_BYTES) {
    throw new Refused('segment.frame', 'no frame begins here');
  }
  const bound = bytes.subarray(0, BOUND_HEADER);
  return { index, final: (flags & FINAL) !== 0, compressed: (flags & ZSTD) !== 0, plainLength, sealedLength, nonce: from.take(NONCE_BYTES), bound };
}

/** The plain bytes of a whole frame. Throws `Refused`: `segment.frame`, `xaes.tag`, `bytes.*`. */
export function openFrame(key: XaesKey, headerDigest: Buffer, frame: Buffer): Buffer {
  const header = decodeFrameHeader(frame);
  const sealed = frame.subarray(FRAME_HEADER_BYTES);
  if (sealed.length !== header.sealedLength) throw new Refused('segment.frame', 'a frame is not as long as its header says');
  const body = xaesOpen(key, header.nonce, sealed, additionalData(headerDigest, header.bound));
  // Authenticated above, so the declared length is ours; it still caps what inflating may produce.
  const plain = header.compressed ? inflate(body, header.plainLength) : body;
  if (plain.length !== header.plainLength) throw new Refused('segment.frame', 'a frame does not inflate to the length that it declares');
  return plain;
}

/** In one piece of memory: with an octet to spare zstd sees the end at once, and nothing is put together afterwards. */
function inflate(body: Buffer, length: number): Buffer {
  try {
    return zstdDecompressSync(body, { maxOutputLength: Math.max(1, length), chunkSize: Math.max(CHUNK_MIN, length + 1) });
  } catch (cause) {
    throw new Refused('segment.frame', 'a frame does not inflate to the length that it declares', { cause });
  }
}

function additionalData(headerDigest: Buffer, frameHeader: Buffer): Buffer {
  return Buffer.concat([headerDigest, frameHeader.subarray(0, BOUND_HEADER)]);
}

export function segmentHeaderDigest(header: Buffer): Buffer {
  return hash('sha256', header, 'buffer');
}

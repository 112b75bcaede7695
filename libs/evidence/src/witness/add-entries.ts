// SPDX-License-Identifier: Apache-2.0
// C2SP tlog-mirror add-entries. A body is a header and then packages, one for each 256 entries of [start, end):
//   header   u16 length · origin · u64 start · u64 end · u16 length · ticket
//   package  its entries, each u16 length · bytes; then u8 count of hashes · 32 B each: the proof of their subtree
// The mirror answers 202 and 409 with three lines: a pending size, the next entry it needs, a ticket in base64.
import { ByteWriter, Refused } from '@strongroom/bytes';
import { HASH_BYTES } from '../merkle.ts';
import { ENTRY_BYTES_MAX, TILE_WIDTH } from '../tiles.ts';

export const ADD_ENTRIES_PACKAGES_MAX = 32;
const ORIGIN_BYTES_MAX = 1024;
const TICKET_BYTES_MAX = 4096;
const PROOF_HASHES_MAX = 63;

export interface AddEntriesHeader {
  readonly origin: string;
  readonly start: number;
  readonly end: number;
  readonly ticket: Buffer;
}

/** Entries [start, end), of a subtree that begins at `base`. */
export interface PackageSpan {
  readonly base: number;
  readonly start: number;
  readonly end: number;
}

export interface EntryPackage {
  readonly entries: readonly Buffer[];
  readonly proof: readonly Buffer[];
}

export interface MirrorInfo {
  readonly pendingSize: number;
  readonly nextEntry: number;
  readonly ticket: Buffer;
}

/** The canonical sequence of packages. */
export function* packagesOf(start: number, end: number): Generator<PackageSpan> {
  for (let base = start - (start % TILE_WIDTH); start < end && base < end; base += TILE_WIDTH) {
    yield { base, start: Math.max(start, base), end: Math.min(end, base + TILE_WIDTH) };
  }
}

export function encodeAddEntriesHeader({ origin, start, end, ticket }: AddEntriesHeader): Buffer {
  const name = Buffer.from(origin);
  return new ByteWriter(64 + name.length + ticket.length).u16(name.length).bytes(name).u64(BigInt(start)).u64(BigInt(end)).u16(ticket.length).bytes(ticket).finish();
}

export function encodePackage({ entries, proof }: EntryPackage): Buffer {
  const to = new ByteWriter(entries.reduce((sum, entry) => sum + entry.length + 2, 1 + proof.length * HASH_BYTES));
  for (const entry of entries) to.u16(entry.length).bytes(entry);
  to.u8(proof.length);
  for (const node of proof) to.bytes(node);
  return to.finish();
}

/** Gives exactly so many octets, or null where the body ends before. */
export type TakeOctets = (count: number) => Promise<Buffer | null>;

/** Throws `Refused('mirror.request')`. */
export async function readAddEntriesHeader(take: TakeOctets): Promise<AddEntriesHeader> {
  const origin = await whole(take, (await whole(take, 2)).readUInt16BE(), ORIGIN_BYTES_MAX);
  const [start, end] = [sizeOf(await whole(take, 8)), sizeOf(await whole(take, 8))];
  const ticket = await whole(take, (await whole(take, 2)).readUInt16BE(), TICKET_BYTES_MAX);
  if (start > end) throw malformed('it begins behind its end');
  return { origin: origin.toString('utf8'), start, end, ticket };
}

/** Null where the body ends before the whole of it. Throws `Refused('mirror.request')`. */
export async function readPackage({ start, end }: PackageSpan, take: TakeOctets): Promise<EntryPackage | null> {
  const entries: Buffer[] = [];
  for (let i = start; i < end; i += 1) {
    const length = (await take(2))?.readUInt16BE();
    const entry = length === undefined ? null : length > ENTRY_BYTES_MAX ? null : await take(length);
    if (entry === null) return null;
    entries.push(entry);
  }
  const count = (await take(1))?.[0];
  if (count !== undefined && count > PROOF_HASHES_MAX) throw malformed(`a proof has ${count} hashes`);
  const hashes = count === undefined ? null : await take(count * HASH_BYTES);
  if (hashes === null) return null;
  return { entries, proof: Array.from({ length: hashes.length / HASH_BYTES }, (_, i) => hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)) };
}

export function encodeMirrorInfo({ pendingSize, nextEntry, ticket }: MirrorInfo): string {
  return `${pendingSize}\n${nextEntry}\n${ticket.toString('base64')}\n`;
}

/** Null for what is none. */
export function parseMirrorInfo(text: string): MirrorInfo | null {
  const match = /^(0|[1-9][0-9]{0,15})\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]*={0,2})\n$/.exec(text);
  if (match === null || !Number.isSafeInteger(Number(match[1])) || !Number.isSafeInteger(Number(match[2]))) return null;
  const ticket = Buffer.from(match[3]!, 'base64');
  return ticket.length > TICKET_BYTES_MAX ? null : { pendingSize: Number(match[1]), nextEntry: Number(match[2]), ticket };
}

async function whole(take: TakeOctets, count: number, max = count): Promise<Buffer> {
  if (count > max) throw malformed(`a field has ${count} octets, the limit is ${max}`);
  const bytes = await take(count);
  if (bytes === null) throw malformed('it ends within its header');
  return bytes;
}

function sizeOf(bytes: Buffer): number {
  const size = Number(bytes.readBigUInt64BE());
  if (Number.isSafeInteger(size)) return size;
  throw malformed('a size is beyond all logs');
}

function malformed(why: string): Refused {
  return new Refused('mirror.request', 'the request cannot be read', { why });
}

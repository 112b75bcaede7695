// SPDX-License-Identifier: Apache-2.0
// What a disk saw, as QEMU's blklogwrites records it (the kernel's dm-log-writes format, little-endian):
//   superblock, one sector:  u64 magic "sgwsfj" ‖ u64 version 1 ‖ u64 count of entries ‖ u32 octets of a sector
//   entry, one sector:       u64 sector ‖ u64 count of sectors ‖ u64 flags ‖ u64 length of further data; a write's data follow
// and disks as they are after a power cut: everything before the last flush, and of what came after it any part.
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';

const MAGIC = 0x6a736677736872n;
const VERSION = 1n;
const FLAG = { flush: 1, discard: 4 } as const;

export interface LoggedWrite {
  readonly kind: 'write' | 'flush' | 'discard';
  /** Octets on the disk. */
  readonly at: number;
  readonly length: number;
  /** Where a write's octets lie in the log. */
  readonly from: number;
}

/** Throws `Refused('write-log.format')`. An entry that is not whole, because the guest ended in it, is not there. */
export function readWriteLog(path: string): LoggedWrite[] {
  const fd = openSync(path, 'r');
  try {
    const superblock = read(fd, 0, 28);
    if (superblock.readBigUInt64LE(0) !== MAGIC || superblock.readBigUInt64LE(8) !== VERSION) throw new Refused('write-log.format', `${path} is no log of writes`);
    return [...entries(fd, Number(superblock.readBigUInt64LE(16)), superblock.readUInt32LE(24), statSync(path).size)];
  } finally {
    closeSync(fd);
  }
}

function* entries(fd: number, count: number, sectorBytes: number, size: number): Generator<LoggedWrite> {
  let at = sectorBytes;
  for (let i = 0; i < count && at + sectorBytes <= size; i += 1) {
    const head = read(fd, at, 32);
    const [sector, sectors, flags] = [0, 8, 16].map((offset) => Number(head.readBigUInt64LE(offset))) as [number, number, number];
    const kind = (flags & FLAG.discard) !== 0 ? 'discard' : sectors === 0 ? 'flush' : 'write';
    const length = sectors * sectorBytes;
    at += sectorBytes;
    if (kind === 'write' && at + length > size) return;
    yield { kind, at: sector * sectorBytes, length, from: at };
    if (kind === 'write') at += length;
  }
}

function read(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(fd, bytes, 0, length, at) !== length) throw new Refused('write-log.format', `the log ends within ${length} octets at ${at}`);
  return bytes;
}

/** A write's octets. */
export function loggedBytes(path: string, write: LoggedWrite): Buffer {
  const fd = openSync(path, 'r');
  try {
    return read(fd, write.from, write.length);
  } finally {
    closeSync(fd);
  }
}

const SECTOR_BYTES = 512;

/**
 * Makes `image`, a copy of the disk as it was before the log, what a cut after `cut` entries can leave: all writes before
 * the last flush, and of those after it the ones that `survives` lets through, sector by sector.
 */
export function cutPower(log: string, writes: readonly LoggedWrite[], cut: number, image: string, survives: () => 'all' | 'none' | 'some', random: () => number): void {
  const flushed = writes.slice(0, cut).findLastIndex(({ kind }) => kind === 'flush');
  const [from, to] = [openSync(log, 'r'), openSync(image, 'r+')];
  try {
    for (const [i, write] of writes.slice(0, cut).entries()) {
      if (write.kind !== 'write') continue;
      const kept = i < flushed ? 'all' : survives();
      if (kept === 'none') continue;
      const bytes = read(from, write.from, write.length);
      if (kept === 'all') writeSync(to, bytes, 0, bytes.length, write.at);
      else for (let at = 0; at < bytes.length; at += SECTOR_BYTES) if (random() < 0.5) writeSync(to, bytes, at, SECTOR_BYTES, write.at + at);
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

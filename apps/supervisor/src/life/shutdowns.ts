// SPDX-License-Identifier: Apache-2.0
// When the machine was shut down in order, by its own books: wtmp, or the database of wtmpdb, which Debian has instead from 13 on
// (times of wtmp end in 2038 where they have 32 bits). A machine that keeps neither says nothing of it.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** `struct utmp` of glibc: type at 0, user at 44, and seconds, of 32 bits where programs of 32 bits shall read it too (x86, POWER, s390), else of 64. */
const FORMS = { narrow: { bytes: 384, seconds: 340 }, wide: { bytes: 400, seconds: 344 } } as const;
const WIDE: readonly string[] = ['arm64', 'riscv64', 'loong64'];
const RUN_LEVEL = 1;
/** Of either book; it is read from its end. */
const RECORDS_MAX = 170;
const MICROSECONDS_NS = 1000n;

export interface Books {
  readonly wtmp: string;
  readonly wtmpdb: string;
}

/** Nanoseconds since 1970. */
export function shutdowns({ wtmp, wtmpdb }: Books, arch: string = process.arch): bigint[] {
  return [...inWtmp(wtmp, arch), ...inWtmpdb(wtmpdb)];
}

function inWtmp(path: string, arch: string): bigint[] {
  const form = WIDE.includes(arch) ? FORMS.wide : FORMS.narrow;
  const bytes = endOf(path, form.bytes);
  const found: bigint[] = [];
  for (let at = 0; at + form.bytes <= bytes.length; at += form.bytes) {
    const user = bytes.toString('latin1', at + 44, at + 76).replace(/\0.*$/s, '');
    if (bytes.readInt16LE(at) !== RUN_LEVEL || user !== 'shutdown') continue;
    const seconds = form === FORMS.wide ? bytes.readBigUInt64LE(at + form.seconds) : BigInt(bytes.readUInt32LE(at + form.seconds));
    found.push(seconds * 1_000_000_000n);
  }
  return found;
}

/** A boot has the time of its shutdown where there was one. */
function inWtmpdb(path: string): bigint[] {
  try {
    using database = new DatabaseSync(path, { readOnly: true, timeout: 0 });
    const found = database.prepare('SELECT Logout AS at FROM wtmp WHERE Type = 1 AND typeof(Logout) = \'integer\' ORDER BY ID DESC LIMIT ?');
    found.setReadBigInts(true);
    return found.all(RECORDS_MAX).map(({ at }) => (at as bigint) * MICROSECONDS_NS);
  } catch {
    return [];
  }
}

/** Whole records from the end of a file; none where it cannot be read, or is not of this form. */
function endOf(path: string, recordBytes: number): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      if (size % recordBytes !== 0) return Buffer.alloc(0);
      const bytes = Buffer.alloc(Math.min(size, RECORDS_MAX * recordBytes));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, size - bytes.length));
    } finally {
      closeSync(file);
    }
  } catch {
    return Buffer.alloc(0);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Files in directories that services may write to: one that was taken over may have put anything there. A FIFO would hold us for
// ever, so nothing but a regular file is read, and no more of it than what we look for can have.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const BYTES_MAX = 1024 * 1024;

/** Throws what the system does, and `EFTYPE` for what is no regular file, or larger than any that we read. */
export function readRegular(path: string, bytesMax = BYTES_MAX): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile()) throw Object.assign(new Error(`${path} is no regular file`), { code: 'EFTYPE' });
    if (facts.size > bytesMax) throw Object.assign(new Error(`${path} has ${facts.size} octets, at most ${bytesMax} are read`), { code: 'EFTYPE' });
    const buffer = Buffer.alloc(facts.size);
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}

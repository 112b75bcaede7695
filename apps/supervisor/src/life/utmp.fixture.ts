// SPDX-License-Identifier: Apache-2.0
// Records of wtmp as glibc writes them: of 384 octets on x86, of 400 on arm64 (its <utmp.h>, compiled for it, says so).

export function utmp(user: string, type: number, seconds: number, isWide = process.arch === 'arm64'): Buffer {
  const record = Buffer.alloc(isWide ? 400 : 384);
  record.writeInt16LE(type, 0);
  record.write(user, 44, 'latin1');
  if (isWide) record.writeBigInt64LE(BigInt(seconds), 344);
  else record.writeUInt32LE(seconds, 340);
  return record;
}

// SPDX-License-Identifier: Apache-2.0
// The anchor: what skew-guard found out of this machine's clocks, for every service to count on from. docs/FORMAT.md section 24.
import { hash } from 'node:crypto';
import { closeSync, constants, fchmodSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { ByteReader, ByteWriter, Refused } from '@strongroom/bytes';

/** At `monotonicNs` of the boot `boot`, true time was in `utcNs` ± `boundNs`. */
export interface Anchor {
  /** Rises by one with each anchor that is published. */
  readonly sequence: bigint;
  /** 16 octets. */
  readonly boot: Buffer;
  readonly monotonicNs: bigint;
  readonly utcNs: bigint;
  /** What the wall clock showed then, less `utcNs`: other than 0 while it is known to be wrong. */
  readonly wallNs: bigint;
  readonly boundNs: bigint;
  /** By how much the bound grows: nanoseconds for each second. */
  readonly growthPpb: bigint;
  /** Of the monotonic clock: from then on the anchor says nothing. */
  readonly expiresNs: bigint;
}

const MAGIC = Buffer.from('SRANCH1\n', 'latin1');
const DIGEST_BYTES = 32;
export const ANCHOR_BYTES = MAGIC.length + 16 + 7 * 8 + DIGEST_BYTES;
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

export function encodeAnchor(anchor: Anchor): Buffer {
  const { sequence, boot, monotonicNs, utcNs, wallNs, boundNs, growthPpb, expiresNs } = anchor;
  const to = new ByteWriter(ANCHOR_BYTES).bytes(MAGIC).u64(sequence).bytes(boot).u64(monotonicNs).u64(utcNs);
  to.u64(BigInt.asUintN(64, wallNs)).u64(boundNs).u64(growthPpb).u64(expiresNs);
  const body = to.finish();
  return Buffer.concat([body, hash('sha256', body, 'buffer')]);
}

/** Throws `Refused`: `anchor.form`, `anchor.digest`. */
export function decodeAnchor(bytes: Buffer): Anchor {
  if (bytes.length !== ANCHOR_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Refused('anchor.form', 'this is no anchor of version 1');
  const body = bytes.subarray(0, -DIGEST_BYTES);
  if (!hash('sha256', body, 'buffer').equals(bytes.subarray(-DIGEST_BYTES))) throw new Refused('anchor.digest', 'the anchor is not what its digest says');
  const from = new ByteReader(body, MAGIC.length);
  return {
    sequence: from.u64(), boot: Buffer.from(from.take(16)), monotonicNs: from.u64(), utcNs: from.u64(), wallNs: BigInt.asIntN(64, from.u64()),
    boundNs: from.u64(), growthPpb: from.u64(), expiresNs: from.u64(),
  };
}

/**
 * Puts an anchor in the place of the one before: written aside, then renamed, so a reader finds the old or the new one whole.
 * Nothing is synced: after a crash of the machine another boot has begun, and what is there counts no more.
 */
export function publishAnchor(path: string, anchor: Anchor): void {
  const aside = `${path}.new`;
  rmSync(aside, { force: true });
  const fd = openSync(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
  try {
    fchmodSync(fd, 0o644);
    writeSync(fd, encodeAnchor(anchor));
  } finally {
    closeSync(fd);
  }
  renameSync(aside, path);
}

/** Which boot this is, as 16 octets. Throws what the system says where /proc is not there. */
export function bootId(): Buffer {
  return Buffer.from(readFileSync(BOOT_ID_FILE, 'latin1').trim().replaceAll('-', ''), 'hex');
}

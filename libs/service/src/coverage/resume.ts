// SPDX-License-Identifier: Apache-2.0
// The supervisor's resume token: its last heartbeat. The vault commits it together with the heartbeat, so what the next life is
// told is what is sealed, no more and no less; a file of our own could say something else after a crash or a restored store.
import { ByteReader, ByteWriter } from '@strongroom/bytes';
import { BOUND_UNKNOWN } from '@strongroom/evidence';
import type { Heartbeat } from './facts.ts';

const VERSION = 1;

export interface Resume extends Heartbeat {
  readonly stopped: boolean;
}

export function encodeResume({ boot, life, bootNs, monotonicNs, wallNs, boundNs, stopped }: Resume): Buffer {
  const writer = new ByteWriter(74).u8(VERSION).u8(stopped ? 1 : 0).bytes(Buffer.from(boot.replaceAll('-', ''), 'hex')).bytes(Buffer.from(life, 'hex'));
  return Buffer.from(writer.u64(bootNs).u64(monotonicNs).u64(wallNs).u64(boundNs ?? BOUND_UNKNOWN).finish());
}

/** Null: there is none, or one of a version that we do not know: then nothing is known of before. */
export function decodeResume(token: Buffer): Resume | null {
  if (token.length !== 58 || token[0] !== VERSION) return null;
  const reader = new ByteReader(token, 1);
  const stopped = reader.u8() === 1;
  const boot = reader.take(16).toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const life = reader.take(8).toString('hex');
  const [bootNs, monotonicNs, wallNs, bound] = [reader.u64(), reader.u64(), reader.u64(), reader.u64()];
  return { stopped, boot, life, bootNs, monotonicNs, wallNs, boundNs: bound === BOUND_UNKNOWN ? null : bound };
}

// SPDX-License-Identifier: Apache-2.0
// A segment's data key under the HSM's wrapping key, docs/FORMAT.md section 3.
import { ByteReader, ByteWriter, Refused } from '@strongroom/bytes';

const MAGIC = Buffer.from('SRWK01\n');

export interface WrappedKey {
  readonly keyId: string;
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

export function encodeWrappedKey(wrapped: WrappedKey): Buffer {
  return new ByteWriter(128).bytes(MAGIC).str16(wrapped.keyId).bytes(wrapped.iv).bytes(wrapped.ciphertext).bytes(wrapped.tag).finish();
}

/** Throws `Refused`: `wrapped-key.version`, `bytes.*`. */
export function decodeWrappedKey(bytes: Buffer): WrappedKey {
  const from = new ByteReader(bytes);
  if (!from.take(MAGIC.length).equals(MAGIC)) throw new Refused('wrapped-key.version', 'this is no wrapped data key of version 1');
  const wrapped = { keyId: from.str16(), iv: from.take(12), ciphertext: from.take(32), tag: from.take(16) };
  from.end();
  return wrapped;
}

/** What the wrapping binds a data key to. */
export function wrappingContext(origin: string, segment: string, keyId: string): Buffer {
  const to = new ByteWriter(128).bytes(Buffer.from('strongroom data key v1')).str16(origin);
  return to.u64(BigInt(`0x${segment}`)).str16(keyId).finish();
}

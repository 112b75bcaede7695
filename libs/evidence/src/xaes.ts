// SPDX-License-Identifier: Apache-2.0
// C2SP XAES-256-GCM: AES-256-GCM under a key derived from the first half of a 192-bit random nonce.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { Refused, invariant } from '@strongroom/bytes';

export const NONCE_BYTES = 24;
export const TAG_BYTES = 16;
const LABEL = [Buffer.from('00015800', 'hex'), Buffer.from('00025800', 'hex')] as const;

/** A data key with its CMAC subkey, which depends on the key alone. */
export interface XaesKey {
  readonly key: Buffer;
  readonly subkey: Buffer;
}

export function xaesKey(key: Buffer): XaesKey {
  invariant(key.length === 32, 'xaes.key', 'an XAES-256-GCM key has 32 octets');
  const zero = aesBlocks(key, Buffer.alloc(16));
  const subkey = Buffer.alloc(16);
  for (let i = 0; i < 16; i += 1) subkey[i] = ((zero[i]! << 1) | ((zero[i + 1] ?? 0) >>> 7)) & 0xff;
  if ((zero[0]! & 0x80) !== 0) subkey[15]! ^= 0x87;
  return { key, subkey };
}

/** Ciphertext and tag. `nonce` must be 24 random octets. */
export function xaesSeal(key: XaesKey, nonce: Buffer, plain: Buffer, aad: Buffer): Buffer {
  return Buffer.concat(xaesSealParts(key, nonce, plain, aad));
}

/** The same in parts that belong one after the other. */
export function xaesSealParts(key: XaesKey, nonce: Buffer, plain: Buffer, aad: Buffer): Buffer[] {
  const cipher = createCipheriv('aes-256-gcm', derive(key, nonce), nonce.subarray(12), { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  return [cipher.update(plain), cipher.final(), cipher.getAuthTag()];
}

/** Throws `Refused('xaes.tag')` when the bytes, the key, the nonce or the additional data differ from what was sealed. */
export function xaesOpen(key: XaesKey, nonce: Buffer, sealed: Buffer, aad: Buffer): Buffer {
  if (sealed.length < TAG_BYTES) throw new Refused('xaes.tag', 'the sealed bytes are shorter than a tag');
  const decipher = createDecipheriv('aes-256-gcm', derive(key, nonce), nonce.subarray(12), { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    decipher.final(); // GCM is a stream: what is left is nothing, and here the tag is judged
    return plain;
  } catch (cause) {
    throw new Refused('xaes.tag', 'the sealed bytes were changed, or belong to another key or place', { cause });
  }
}

function derive({ key, subkey }: XaesKey, nonce: Buffer): Buffer {
  invariant(nonce.length === NONCE_BYTES, 'xaes.nonce', 'an XAES-256-GCM nonce has 24 octets');
  const blocks = Buffer.concat([LABEL[0], nonce.subarray(0, 12), LABEL[1], nonce.subarray(0, 12)]);
  for (let i = 0; i < 32; i += 1) blocks[i]! ^= subkey[i % 16]!;
  return aesBlocks(key, blocks);
}

function aesBlocks(key: Buffer, blocks: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(blocks), cipher.final()]);
}

// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, hash } from 'node:crypto';

export interface GoNoteKey {
  /** As golang.org/x/mod/sumdb/note reads it. */
  readonly secret: string;
  readonly vkey: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
}

/** A new signing key under a name. */
export function goNoteKey(name: string): GoNoteKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d!, 'base64url');
  const key = Buffer.concat([Buffer.of(1), Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')]);
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), key]), 'hex').slice(0, 8);
  return {
    secret: `PRIVATE+KEY+${name}+${id}+${Buffer.concat([Buffer.of(1), seed]).toString('base64')}`, vkey: `${name}+${id}+${key.toString('base64')}`,
    spki: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

// SPDX-License-Identifier: Apache-2.0
// Keys as the HSM holds them, in memory: for tests of what seals without a token.
import { createCipheriv, createDecipheriv, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { Failed } from '@strongroom/bytes';
import { parseVkey, vkeyLine, type NoteKey } from '@strongroom/evidence';

export interface Wrapped {
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

export class SoftwareKeys {
  readonly key: NoteKey;
  readonly vkey: string;
  readonly #private: KeyObject;
  readonly #wrapping = new Map<string, Buffer>();
  /** While true every call fails as if the HSM were away. */
  away = false;

  constructor(origin: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.#private = privateKey;
    this.vkey = vkeyLine(origin, publicKey.export({ type: 'spki', format: 'der' }));
    this.key = parseVkey(this.vkey);
  }

  async signCheckpoint(text: Buffer): Promise<Buffer> {
    this.#present();
    return sign(null, text, this.#private);
  }

  async ensureWrappingKey(retentionClass: string, bucket: string): Promise<string> {
    this.#present();
    const id = `wrap/${retentionClass}/${bucket}`;
    if (!this.#wrapping.has(id)) this.#wrapping.set(id, randomBytes(32));
    return id;
  }

  async wrap(keyId: string, dataKey: Buffer, context: Buffer): Promise<Wrapped> {
    this.#present();
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.wrappingKey(keyId), iv).setAAD(context);
    return { iv, ciphertext: Buffer.concat([cipher.update(dataKey), cipher.final()]), tag: cipher.getAuthTag() };
  }

  async unwrap(keyId: string, wrapped: Wrapped, context: Buffer): Promise<Buffer> {
    this.#present();
    const decipher = createDecipheriv('aes-256-gcm', this.wrappingKey(keyId), wrapped.iv).setAAD(context).setAuthTag(wrapped.tag);
    return Buffer.concat([decipher.update(wrapped.ciphertext), decipher.final()]);
  }

  wrappingKey(keyId: string): Buffer {
    return this.#wrapping.get(keyId)!;
  }

  #present(): void {
    if (this.away) throw new Failed('keys.hsm-away', 'the HSM does not answer');
  }
}

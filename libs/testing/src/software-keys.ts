// SPDX-License-Identifier: Apache-2.0
// Keys as the HSM holds them, in memory: for tests of what seals without a token.
import { createCipheriv, createDecipheriv, createHmac, createPrivateKey, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { Failed, Refused } from '@strongroom/bytes';
import { parseVkey, readRotation, vkeyLine, vkeyOf, type NoteKey } from '@strongroom/evidence';

/** DER before the 32 octets of an Ed25519 private key (RFC 8410). */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface Wrapped {
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

export class SoftwareKeys {
  readonly key: NoteKey;
  readonly vkey: string;
  readonly #secret: Buffer;
  /** By public key: every key that the log was given. */
  readonly #private = new Map<string, KeyObject>();
  #made = 0;
  readonly #wrapping = new Map<string, Buffer>();
  readonly #retired: string[] = [];
  #generation = 0;
  #next: NoteKey | undefined;
  /** While true every call fails as if the HSM were away. */
  away = false;

  /** All keys follow from `secret`: 32 octets, which find them again. */
  constructor(origin: string, secret: Buffer = randomBytes(32)) {
    this.#secret = secret;
    this.key = this.#newKey(origin);
    this.vkey = vkeyOf(this.key);
  }

  #newKey(origin: string): NoteKey {
    const privateKey = createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, this.#derived(`log ${this.#made++}`)]), format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
    this.#private.set(spki.toString('base64'), privateKey);
    return parseVkey(vkeyLine(origin, spki));
  }

  async signCheckpoint(text: Buffer, spki: Buffer = spkiOf(this.key)): Promise<Buffer> {
    this.#present();
    const key = this.#private.get(spki.toString('base64'));
    if (key === undefined) throw new Refused('keys.log-key', 'this is no key of the log');
    return sign(null, text, key);
  }

  /** As the key service tells of them. */
  logKeys(): { origin: string; spki: string; state: 'active' | 'next' | 'destroyed'; since: null }[] {
    const next = this.#next === undefined ? undefined : spkiOf(this.#next).toString('base64');
    const held = [...this.#private.keys()].map((spki) => ({ origin: this.key.name, spki, state: spki === next ? 'next' as const : 'active' as const, since: null }));
    return [...this.#retired.map((spki) => ({ origin: this.key.name, spki, state: 'destroyed' as const, since: null })), ...held];
  }

  /** What a vault that starts knows of its log beside the store. */
  known(remembered: string | null = null): { first: NoteKey; keys: readonly NoteKey[]; remembered: string | null } {
    const keys = [...this.#private.keys()].map((spki) => parseVkey(vkeyLine(this.key.name, Buffer.from(spki, 'base64'))));
    return { first: this.key, keys, remembered };
  }

  async foundLogKey(origin: string): Promise<Buffer> {
    this.#present();
    return spkiOf(this.#newKey(origin));
  }

  async prepareLogKey(origin: string): Promise<Buffer> {
    this.#present();
    this.#next ??= this.#newKey(origin);
    return spkiOf(this.#next);
  }

  async retireLogKey(rotation: string): Promise<'destroyed'> {
    this.#present();
    this.#next = undefined;
    const spki = spkiOf(readRotation(rotation).from).toString('base64');
    if (this.#private.delete(spki)) this.#retired.push(spki);
    return 'destroyed';
  }

  async retireWrappingKeys(): Promise<number> {
    this.#present();
    this.#generation += 1;
    return this.#wrapping.size;
  }

  async ensureWrappingKey(retentionClass: string, bucket: string): Promise<string> {
    this.#present();
    const id = `wrap/${retentionClass}/${bucket}${this.#generation === 0 ? '' : `/${this.#generation}`}`;
    this.wrappingKey(id);
    return id;
  }

  async wrap(keyId: string, dataKey: Buffer, context: Buffer): Promise<Wrapped> {
    this.#present();
    // As everything here it follows from the secret: a simulation is the same each time.
    const iv = this.#derived(`iv ${dataKey.toString('hex')} ${context.toString('hex')}`).subarray(0, 12);
    const cipher = createCipheriv('aes-256-gcm', this.wrappingKey(keyId), iv).setAAD(context);
    return { iv, ciphertext: Buffer.concat([cipher.update(dataKey), cipher.final()]), tag: cipher.getAuthTag() };
  }

  async unwrap(keyId: string, wrapped: Wrapped, context: Buffer): Promise<Buffer> {
    this.#present();
    return this.unwrapNow(keyId, wrapped, context);
  }

  /** The same at once, for a verifier that holds the keys. */
  unwrapNow(keyId: string, wrapped: Wrapped, context: Buffer): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', this.wrappingKey(keyId), wrapped.iv).setAAD(context).setAuthTag(wrapped.tag);
    return Buffer.concat([decipher.update(wrapped.ciphertext), decipher.final()]);
  }

  wrappingKey(keyId: string): Buffer {
    const known = this.#wrapping.get(keyId) ?? this.#derived(keyId);
    this.#wrapping.set(keyId, known);
    return known;
  }

  #derived(name: string): Buffer {
    return createHmac('sha256', this.#secret).update(name).digest();
  }

  #present(): void {
    if (this.away) throw new Failed('keys.hsm-away', 'the HSM does not answer');
  }
}

function spkiOf({ key }: NoteKey): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

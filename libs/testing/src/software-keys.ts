// SPDX-License-Identifier: Apache-2.0
// Keys as the HSM holds them, in memory: for tests of what seals without a token.
import { createCipheriv, createDecipheriv, createHmac, createPrivateKey, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { Failed, Refused } from '@strongroom/bytes';
import { checkApproved, decodeOrderFile, orderHash, parseVkey, readRotation, vkeyLine, vkeyOf, type ApprovalRules, type Order, type NoteKey } from '@strongroom/evidence';

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
  /** Wrapping keys that are there no more. */
  readonly #destroyed = new Set<string>();
  /** Orders that were judged and noted: HASH of the text by id. */
  readonly #begun = new Map<string, string>();
  readonly #retired: string[] = [];
  /** Those of earlier generations are used for nothing new. */
  #generation = 0;
  readonly #generations = new Map<string, number>();
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

  async ensureWrappingKey(retentionClass: string, bucket: string, except: readonly string[] = []): Promise<string> {
    this.#present();
    const start = `${retentionClass}/${bucket}/`;
    const made = [...this.#generations].filter(([id]) => id.startsWith(start));
    const known = made.find(([id, generation]) => generation === this.#generation && !except.includes(id) && !this.#destroyed.has(id));
    if (known !== undefined) return known[0];
    // The first of a bucket is the same in each process that has the secret.
    const id = start + this.#derived(`id ${start} ${made.length}`).toString('hex', 0, 8);
    this.#generations.set(id, this.#generation);
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

  async rewrap(keyId: string, wrapped: Wrapped, context: Buffer, toKeyId: string, toContext: Buffer): Promise<Wrapped> {
    this.#present();
    return this.wrap(toKeyId, this.unwrapNow(keyId, wrapped, context), toContext);
  }

  /** The same at once, for a verifier that holds the keys. Throws `Refused`: `keys.wrapping-key`, `keys.not-authentic`. */
  unwrapNow(keyId: string, wrapped: Wrapped, context: Buffer): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', this.wrappingKey(keyId), wrapped.iv).setAAD(context).setAuthTag(wrapped.tag);
    try {
      return Buffer.concat([decipher.update(wrapped.ciphertext), decipher.final()]);
    } catch (cause) {
      throw new Refused('keys.not-authentic', 'it was not wrapped so', { cause });
    }
  }

  /** Throws `Refused('keys.wrapping-key')` when it was destroyed. */
  wrappingKey(keyId: string): Buffer {
    if (this.#destroyed.has(keyId)) throw new Refused('keys.wrapping-key', `there is no key ${keyId}`);
    const known = this.#wrapping.get(keyId) ?? this.#derived(keyId);
    this.#wrapping.set(keyId, known);
    return known;
  }

  isDestroyed(keyId: string): boolean {
    return this.#destroyed.has(keyId);
  }

  /** As the key service judges and notes an order before its keys go. Gives those keys. Throws what `checkApproved` throws. */
  async beginOrder(bytes: Buffer, rules: ApprovalRules): Promise<readonly string[]> {
    this.#present();
    const file = decodeOrderFile(bytes);
    if (!this.#begun.has(file.order.id)) {
      checkApproved(file, rules);
      this.#begun.set(file.order.id, orderHash(file.text).toString('hex'));
    }
    return this.#keysOf(file.order);
  }

  /** Throws `Refused('keys.order-not-begun')`. `most`: a token that goes away meanwhile has destroyed only so many. */
  async destroyByOrder(bytes: Buffer, most = Infinity): Promise<readonly string[]> {
    this.#present();
    const { order, text } = decodeOrderFile(bytes);
    if (this.#begun.get(order.id) !== orderHash(text).toString('hex')) throw new Refused('keys.order-not-begun', `the order ${order.id} was not begun here`);
    const keys = this.#keysOf(order);
    for (const keyId of keys.slice(0, most)) this.#destroyed.add(keyId);
    return keys;
  }

  #keysOf(order: Order): readonly string[] {
    if (order.kind === 'destroy') return order.keys;
    return [...this.#generations.keys()].filter((keyId) => order.kind === 'release' && keyId.startsWith(`hold/${order.hold}/`));
  }

  /** A token with the same in it, for another future. */
  clone(): SoftwareKeys {
    const copy = new SoftwareKeys(this.key.name, this.#secret);
    for (const [spki, key] of this.#private) copy.#private.set(spki, key);
    for (const spki of this.#retired) copy.#private.delete(spki);
    for (const [id, generation] of this.#generations) copy.#generations.set(id, generation);
    for (const [id, digest] of this.#begun) copy.#begun.set(id, digest);
    for (const id of this.#destroyed) copy.#destroyed.add(id);
    copy.#retired.push(...this.#retired);
    [copy.#made, copy.#generation, copy.#next] = [this.#made, this.#generation, this.#next];
    return copy;
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

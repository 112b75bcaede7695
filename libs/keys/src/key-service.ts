// SPDX-License-Identifier: Apache-2.0
// The key service (apps/keys) as its callers see it. Octets travel as base64 in JSON:
//   info               {}                                     → KeyServiceInfo
//   issue              IssueRequest                           → IssuedCertificate
//   signCheckpoint     {message, spki?}                       → {signature}
//   foundLogKey        {origin}                               → {spki}
//   prepareLogKey      {origin}                               → {spki}
//   retireLogKey       {rotation}                             → {state}
//   retireWrappingKeys {}                                     → {retired}
//   ensureWrappingKey  {retentionClass, bucket, except}       → {keyId}
//   wrap               {keyId, plain, aad}                    → {iv, ciphertext, tag}
//   unwrap             {keyId, iv, ciphertext, tag, aad}      → {plain}
//   rewrap             {keyId, iv, ciphertext, tag, aad, toKeyId, toAad} → {iv, ciphertext, tag}
//   beginOrder         {order}                                → {keys}
//   destroyByOrder     {order}                                → {keys}
//   readCounter        {}                                     → {value, statement: {counter, origin, size, root}}, both null before the first step
//   advanceCounter     {checkpoint}                           → {value}
//   acceptCounter      {order, origin}                        → {}
//   witnessKey         {part}                                 → {publicKeySpki}
//   signCosignature    {part, message}                        → {signature}
import { Failed } from '@strongroom/bytes';
import type { Usage } from './extensions.ts';
import type { AlternativeNames } from './names.ts';

/** A connection to the key service: `RpcClient` of the service library is one. */
export interface KeyServiceCaller {
  call(verb: string, args?: unknown): Promise<unknown>;
}

export interface KeyServiceInfo {
  /** The deployment's CA certificate. */
  readonly caPem: string;
  /** The log's first Ed25519 key, from the founding: SubjectPublicKeyInfo, DER, base64. */
  readonly logPublicKeySpki: string;
  /** All keys that the log had, has, or has made ready, oldest first. */
  readonly logKeys: readonly LogKeyFacts[];
  /** Path and description of the PKCS#11 module, and the token in it. */
  readonly module: string;
  readonly moduleDescription: string;
  readonly tokenLabel: string;
  readonly tokenSerial: string;
  /** Whether the token is the embedded SoftHSM, which protects keys no better than the disk it lies on. */
  readonly embedded: boolean;
  /** What keys are used with. */
  readonly mechanisms: readonly string[];
}

/** `next`: made, and signs nothing before a rotation; `retired`: replaced and kept; `destroyed`: replaced and gone. */
export type LogKeyState = 'next' | 'active' | 'retired' | 'destroyed';

export interface LogKeyFacts {
  /** The log that it signs for. */
  readonly origin: string;
  /** SubjectPublicKeyInfo, DER, base64. */
  readonly spki: string;
  readonly state: LogKeyState;
  /** ISO 8601, UTC: when it was made; null: at the founding. */
  readonly since: string | null;
}

export interface IssueRequest extends AlternativeNames {
  /** Exactly one of the two: a PKCS#10 request, whose signature is checked, or a public key. */
  readonly csrPem?: string;
  readonly spkiPem?: string;
  readonly commonName: string;
  readonly usages: readonly Usage[];
  /** Whole days from now, 1 to 825. */
  readonly notAfterDays: number;
}

export interface IssuedCertificate {
  readonly certPem: string;
  /** Hexadecimal, lower case. */
  readonly serial: string;
  /** ISO 8601, UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
}

/** A data key under a wrapping key: AES-256-GCM with 12, 32 and 16 octets. */
export interface Wrapped {
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** How much a log had when the hardware counter stood at `counter`, docs/FORMAT.md section 15. */
export interface CounterFacts {
  readonly counter: number;
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** Every call throws what the key service throws, by code, and `Failed('keys.answer')` when its answer makes no sense. */
export interface KeyService {
  info(): Promise<KeyServiceInfo>;
  issue(request: IssueRequest): Promise<IssuedCertificate>;
  /** Ed25519 over the text of a checkpoint: 64 octets. `spki`: by this key of the log (DER), else by the present one. */
  signCheckpoint(message: Buffer, spki?: Buffer): Promise<Buffer>;
  /** The first key of a log that is to be begun: SubjectPublicKeyInfo, DER. */
  foundLogKey(origin: string): Promise<Buffer>;
  /** The key that the log shall have next, made when there is none yet: SubjectPublicKeyInfo, DER. */
  prepareLogKey(origin: string): Promise<Buffer>;
  /** Ends the key that a rotation (docs/FORMAT.md, section 4) leads away from; may be repeated. */
  retireLogKey(rotation: string): Promise<LogKeyState>;
  /** New segments get new wrapping keys. Resolves with how many were in use. */
  retireWrappingKeys(): Promise<number>;
  /** The id of the wrapping key of a class and bucket, none of `except`; makes the key when there is none. Class `hold`: of a legal hold. */
  ensureWrappingKey(retentionClass: string, bucket: string, except?: readonly string[]): Promise<string>;
  /** `plain` has 32 octets; `aad` is the additional data of docs/FORMAT.md, section 3. */
  wrap(keyId: string, plain: Buffer, aad: Buffer): Promise<Wrapped>;
  unwrap(keyId: string, wrapped: Wrapped, aad: Buffer): Promise<Buffer>;
  /** The same data key under another wrapping key. */
  rewrap(keyId: string, wrapped: Wrapped, aad: Buffer, toKeyId: string, toAad: Buffer): Promise<Wrapped>;
  /** Has an order's file judged and noted: from then on its keys may be destroyed. Resolves with their ids. */
  beginOrder(order: Buffer): Promise<readonly string[]>;
  /** Destroys the keys of an order that was begun. Resolves with the ids of all that are gone by it. */
  destroyByOrder(order: Buffer): Promise<readonly string[]>;
  /** The last statement about the hardware counter, which the counter bears out; null before its first step. */
  readCounter(): Promise<CounterFacts | null>;
  /** A step of the hardware counter, for a published checkpoint: resolves with its new value. */
  advanceCounter(checkpoint: string): Promise<number>;
  /** The log `origin` goes on where two custodians gave another up, by this order's file; without need nothing happens. */
  acceptCounter(order: Buffer, origin: string): Promise<void>;
  /** SubjectPublicKeyInfo (DER) of the key with which this deployment witnesses, or mirrors, the logs of others. */
  witnessKey(part: 'witness' | 'mirror'): Promise<Buffer>;
  /** Ed25519 over a cosignature/v1 text of another log: 64 octets. */
  signCosignature(part: 'witness' | 'mirror', message: Buffer): Promise<Buffer>;
}

/** Speaks to the key service over a connection. */
export function keyService(caller: KeyServiceCaller): KeyService {
  const ask = async (verb: string, args: unknown): Promise<Answer> => new Answer(verb, await caller.call(verb, args));
  return Object.freeze<KeyService>({
    info: async () => (await ask('info', {})).texts<KeyServiceInfo>('caPem', 'logPublicKeySpki'),
    issue: async (request) => (await ask('issue', request)).texts<IssuedCertificate>('certPem', 'serial', 'notBefore', 'notAfter'),
    signCheckpoint: async (message, spki) => {
      const by = spki === undefined ? {} : { spki: base64(spki) };
      return (await ask('signCheckpoint', { message: base64(message), ...by })).octets('signature', 64);
    },
    foundLogKey: async (origin) => (await ask('foundLogKey', { origin })).octets('spki', 44),
    prepareLogKey: async (origin) => (await ask('prepareLogKey', { origin })).octets('spki', 44),
    retireLogKey: async (rotation) => (await ask('retireLogKey', { rotation })).text('state') as LogKeyState,
    retireWrappingKeys: async () => (await ask('retireWrappingKeys', {})).count('retired'),
    ensureWrappingKey: async (retentionClass, bucket, except) => (await ask('ensureWrappingKey', { retentionClass, bucket, except })).text('keyId'),
    wrap: async (keyId, plain, aad) => {
      const answer = await ask('wrap', { keyId, plain: base64(plain), aad: base64(aad) });
      return { iv: answer.octets('iv', 12), ciphertext: answer.octets('ciphertext', 32), tag: answer.octets('tag', 16) };
    },
    unwrap: async (keyId, { iv, ciphertext, tag }, aad) => {
      const sealed = { iv: base64(iv), ciphertext: base64(ciphertext), tag: base64(tag) };
      return (await ask('unwrap', { keyId, ...sealed, aad: base64(aad) })).octets('plain', 32);
    },
    rewrap: async (keyId, { iv, ciphertext, tag }, aad, toKeyId, toAad) => {
      const sealed = { iv: base64(iv), ciphertext: base64(ciphertext), tag: base64(tag) };
      const answer = await ask('rewrap', { keyId, ...sealed, aad: base64(aad), toKeyId, toAad: base64(toAad) });
      return { iv: answer.octets('iv', 12), ciphertext: answer.octets('ciphertext', 32), tag: answer.octets('tag', 16) };
    },
    beginOrder: async (order) => (await ask('beginOrder', { order: base64(order) })).list('keys'),
    destroyByOrder: async (order) => (await ask('destroyByOrder', { order: base64(order) })).list('keys'),
    readCounter: async () => counterFacts(await ask('readCounter', {})),
    advanceCounter: async (checkpoint) => (await ask('advanceCounter', { checkpoint })).count('value'),
    acceptCounter: async (order, origin) => void await ask('acceptCounter', { order: base64(order), origin }),
    witnessKey: async (part) => (await ask('witnessKey', { part })).octets('publicKeySpki', 44),
    signCosignature: async (part, message) => (await ask('signCosignature', { part, message: base64(message) })).octets('signature', 64),
  });
}

function counterFacts(answer: Answer): CounterFacts | null {
  const statement = answer.part('statement');
  return statement === null ? null : { counter: statement.count('counter'), origin: statement.text('origin'), size: statement.count('size'), root: statement.octets('root', 32) };
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}

class Answer {
  readonly #verb: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(verb: string, value: unknown) {
    this.#verb = verb;
    this.#fields = (value ?? {}) as Readonly<Record<string, unknown>>;
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value === 'string' && value !== '') return value;
    throw this.#senseless(`"${name}" is missing`);
  }

  /** An object within; null where it is said that there is none. */
  part(name: string): Answer | null {
    const value = this.#fields[name];
    if (value === null) return null;
    if (typeof value === 'object' && !Array.isArray(value)) return new Answer(this.#verb, value);
    throw this.#senseless(`"${name}" is missing`);
  }

  list(name: string): readonly string[] {
    const value = this.#fields[name];
    if (Array.isArray(value) && value.every((one): one is string => typeof one === 'string')) return value;
    throw this.#senseless(`"${name}" is no list`);
  }

  octets(name: string, length: number): Buffer {
    const bytes = Buffer.from(this.text(name), 'base64');
    if (bytes.length === length) return bytes;
    throw this.#senseless(`"${name}" has ${bytes.length} octets, ${length} are expected`);
  }

  count(name: string): number {
    const value = this.#fields[name];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#senseless(`"${name}" is no number`);
  }

  /** The whole answer, once these texts are known to be there. */
  texts<T>(...names: readonly (keyof T & string)[]): T {
    for (const name of names) this.text(name);
    return this.#fields as T;
  }

  #senseless(why: string): Failed {
    return new Failed('keys.answer', `the key service gave no proper answer to "${this.#verb}"`, { why, fix: 'see that all services run the same version' });
  }
}

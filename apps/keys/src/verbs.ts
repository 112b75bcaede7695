// SPDX-License-Identifier: Apache-2.0
// What the key service does, and for whom.
import { Failed, Refused, invariant } from '@strongroom/bytes';
import type { KeyServiceInfo, Wrapped } from '@strongroom/keys';
import type { RpcVerb, RpcVerbs } from '@strongroom/service';
import { checkKeys } from './check.ts';
import { checkCheckpoint } from './checkpoint.ts';
import { checkCosignature, cosignerPart, signCosignature, witnessKey } from './cosigner.ts';
import type { Counter } from './counter/counter.ts';
import type { Hsm } from './hsm.ts';
import { checkOrigin } from './log-keys.ts';
import { listKeys } from './inventory.ts';
import { checkRequest, issue } from './issue.ts';
import type { KeyringPlace } from './place.ts';
import { beginOrder, destroyByOrder, type DestructionFacts } from './destruction.ts';
import { ensureWrappingKey, retireWrappingKeys, rewrap, unwrap, wrap } from './wrapping.ts';

/** Who may do what. Nobody else may do anything, and a verb that does not stand here does not exist for that caller. */
const MAY = {
  /** run/keys/admin.sock: the supervisor, by the socket's mode. */
  admin: ['info', 'issue', 'witnessKey', 'listKeys', 'checkKeys'],
  /** run/keys/vault.sock: the vault, by its certificate. */
  vault: ['info', 'signCheckpoint', 'foundLogKey', 'prepareLogKey', 'retireLogKey', 'ensureWrappingKey', 'retireWrappingKeys', 'wrap', 'unwrap', 'rewrap', 'beginOrder', 'destroyByOrder', 'readCounter', 'advanceCounter', 'acceptCounter'],
  /** run/keys/witness.sock: the witness, by its certificate. */
  witness: ['witnessKey', 'signCosignature'],
  /** Standard input of offline.ts: whoever can read the token's files and PIN anyway. */
  offline: ['info', 'unwrap'],
} as const;

export type CallerKind = keyof typeof MAY;

/** Since the service started. */
export interface Counts {
  signatures: number;
  wraps: number;
  unwraps: number;
  issued: number;
  cosignatures: number;
}

export interface VerbFacts {
  readonly hsm: Pick<Hsm, 'use'>;
  /** Answers without the token, so also while the HSM is away. */
  readonly info: () => KeyServiceInfo | Promise<KeyServiceInfo>;
  readonly deployment: string;
  /** Of the running service alone. */
  readonly place?: KeyringPlace;
  /** Of the running service alone: nothing is destroyed without it. */
  readonly destruction?: DestructionFacts;
  /** Where configuration names one. */
  readonly counter?: Counter | undefined;
  readonly counts: Counts;
  /** Whether the private half of a log key that was replaced stays in the token. */
  readonly keepRetiredLogKeys: boolean;
  readonly event: (name: 'keys.issued' | 'keys.wrapping-key-made' | 'keys.log-key-retired' | 'keys.wrapping-keys-retired' | 'keys.cosigner-made' | 'keys.order-begun' | 'keys.destroyed' | 'keys.counter-accepted', fields: Readonly<Record<string, string | number>>) => void;
}

/** The verbs of one kind of caller. */
export function verbsFor(kind: CallerKind, facts: VerbFacts): RpcVerbs<unknown> {
  const all: Readonly<Record<string, RpcVerb<unknown>>> = {
    info: async () => facts.info(),
    listKeys: async () => facts.hsm.use(listKeys),
    checkKeys: async () => {
      const counter = await facts.counter?.check();
      return facts.hsm.use((ring) => checkKeys(ring, placeOf(facts), counter));
    },
    readCounter: async () => {
      const { value, statement } = await counterOf(facts).read();
      return { value, statement: statement === null ? null : { ...statement, root: statement.root.toString('base64') } };
    },
    advanceCounter: async (args) => ({ value: await counterOf(facts).advance(text(args, 'checkpoint')) }),
    acceptCounter: async (args) => {
      const origin = text(args, 'origin');
      if (await counterOf(facts).accept(octets(args, 'order'), origin)) facts.event('keys.counter-accepted', { origin });
      return {};
    },
    issue: async (args) => {
      const request = checkRequest(args, facts.deployment);
      const issued = await facts.hsm.use((ring) => issue(ring, request));
      facts.counts.issued++;
      facts.event('keys.issued', { commonName: request.commonName, uri: request.uris[0] ?? '', usages: request.usages.join(' '), serial: issued.serial, notAfter: issued.notAfter });
      return issued;
    },
    signCheckpoint: async (args) => {
      const message = checkCheckpoint(octets(args, 'message'));
      const spki = optionalText(args, 'spki');
      const signature = await facts.hsm.use((ring) => ring.token.sign('ed25519', ring.logKeys.handle(spki), message));
      facts.counts.signatures++;
      return { signature: signature.toString('base64') };
    },
    foundLogKey: async (args) => {
      const { spki } = await facts.hsm.use((ring) => ring.logKeys.found(checkOrigin(text(args, 'origin'), ring.founded.deployment)));
      return { spki };
    },
    prepareLogKey: async (args) => {
      const { spki } = await facts.hsm.use((ring) => ring.logKeys.prepare(checkOrigin(text(args, 'origin'), ring.founded.deployment)));
      return { spki };
    },
    retireLogKey: async (args) => {
      const rotation = text(args, 'rotation');
      const { retired, active } = await facts.hsm.use((ring) => ring.logKeys.retire(rotation, facts.keepRetiredLogKeys));
      facts.event('keys.log-key-retired', { retired: retired.label, state: retired.state, active: active.label });
      return { state: retired.state };
    },
    retireWrappingKeys: async () => {
      const retired = await facts.hsm.use(retireWrappingKeys);
      facts.event('keys.wrapping-keys-retired', { count: retired });
      return { retired };
    },
    ensureWrappingKey: async (args) => {
      const retentionClass = text(args, 'retentionClass');
      const bucket = text(args, 'bucket');
      const except = texts(args, 'except');
      const { keyId, made } = await facts.hsm.use((ring) => ensureWrappingKey(ring, retentionClass, bucket, except));
      if (made) facts.event('keys.wrapping-key-made', { keyId });
      return { keyId };
    },
    wrap: async (args) => {
      const [keyId, plain, aad] = [text(args, 'keyId'), octets(args, 'plain'), octets(args, 'aad')];
      const { iv, ciphertext, tag } = await facts.hsm.use((ring) => wrap(ring, keyId, plain, aad));
      facts.counts.wraps++;
      return { iv: iv.toString('base64'), ciphertext: ciphertext.toString('base64'), tag: tag.toString('base64') };
    },
    unwrap: async (args) => {
      const [keyId, aad] = [text(args, 'keyId'), octets(args, 'aad')];
      const wrapped: Wrapped = { iv: octets(args, 'iv'), ciphertext: octets(args, 'ciphertext'), tag: octets(args, 'tag') };
      const plain = await facts.hsm.use((ring) => unwrap(ring, keyId, wrapped, aad));
      facts.counts.unwraps++;
      return { plain: plain.toString('base64') };
    },
    rewrap: async (args) => {
      const [keyId, aad, toKeyId, toAad] = [text(args, 'keyId'), octets(args, 'aad'), text(args, 'toKeyId'), octets(args, 'toAad')];
      const wrapped: Wrapped = { iv: octets(args, 'iv'), ciphertext: octets(args, 'ciphertext'), tag: octets(args, 'tag') };
      const { iv, ciphertext, tag } = await facts.hsm.use((ring) => rewrap(ring, keyId, wrapped, aad, toKeyId, toAad));
      facts.counts.wraps++;
      return { iv: iv.toString('base64'), ciphertext: ciphertext.toString('base64'), tag: tag.toString('base64') };
    },
    beginOrder: async (args) => {
      const { keys } = await facts.hsm.use((ring) => beginOrder(ring, destructionOf(facts), octets(args, 'order')));
      facts.event('keys.order-begun', { keys: keys.join(' ') });
      return { keys };
    },
    destroyByOrder: async (args) => {
      const { keys } = await facts.hsm.use((ring) => destroyByOrder(ring, destructionOf(facts), octets(args, 'order')));
      facts.event('keys.destroyed', { keys: keys.join(' ') });
      return { keys };
    },
    witnessKey: async (args) => {
      const part = cosignerPart(text(args, 'part'));
      const { spki, made } = await facts.hsm.use((ring) => witnessKey(ring, part));
      if (made) facts.event('keys.cosigner-made', { part });
      return { publicKeySpki: spki.toString('base64') };
    },
    signCosignature: async (args) => {
      const part = cosignerPart(text(args, 'part'));
      const message = checkCosignature(octets(args, 'message'), facts.deployment);
      const signature = await facts.hsm.use((ring) => signCosignature(ring, part, message));
      facts.counts.cosignatures++;
      return { signature: signature.toString('base64') };
    },
  };
  return Object.fromEntries(MAY[kind].map((verb) => [verb, overDisk(all[verb]!)]));
}

/** A disk that refuses is the world's failure: who asked may ask again. Throws `Failed('keys.disk')`. */
function overDisk(verb: RpcVerb<unknown>): RpcVerb<unknown> {
  return async (...args) => {
    try {
      return await verb(...args);
    } catch (cause) {
      if (!(cause instanceof Error && 'errno' in cause)) throw cause;
      throw new Failed('keys.disk', 'the key service cannot read or write its files', { why: cause.message, fix: 'make room where secrets/keys lies, or mend that disk; it is tried again by itself', cause });
    }
  };
}

function placeOf({ place }: VerbFacts): KeyringPlace {
  invariant(place !== undefined, 'keys.place', 'keys are checked by the running service alone');
  return place;
}

function counterOf({ counter }: VerbFacts): Counter {
  if (counter !== undefined) return counter;
  throw new Refused('keys.counter-none', 'there is no hardware counter', { why: 'keys.counter.tpm is not set' });
}

function destructionOf({ destruction }: VerbFacts): DestructionFacts {
  invariant(destruction !== undefined, 'keys.destruction', 'keys are destroyed by the running service alone');
  return destruction;
}

/** A list of texts that may be left out. */
function texts(args: unknown, name: string): readonly string[] {
  const value = (args as Readonly<Record<string, unknown>> | null)?.[name] ?? [];
  if (Array.isArray(value) && value.every((one): one is string => typeof one === 'string')) return value;
  throw new Refused('keys.malformed', `"${name}" is no list of texts`);
}

function optionalText(args: unknown, name: string): string | undefined {
  return (args as Readonly<Record<string, unknown>> | null)?.[name] === undefined ? undefined : text(args, name);
}

function text(args: unknown, name: string): string {
  const value = (args as Readonly<Record<string, unknown>> | null)?.[name];
  if (typeof value === 'string') return value;
  throw new Refused('keys.malformed', `"${name}" is missing or no text`);
}

function octets(args: unknown, name: string): Buffer {
  const value = text(args, name);
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') === value) return bytes;
  throw new Refused('keys.malformed', `"${name}" is not base64`, { why: 'RFC 4648 section 4 with padding is expected' });
}

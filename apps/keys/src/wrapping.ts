// SPDX-License-Identifier: Apache-2.0
// Wrapping keys: one AES-256 key in use for each retention class and expiry bucket, inside the token. Its label there is
// <deployment>/wrap/<class>/<bucket>, its id 8 random octets. The key id that evidence names is
// <class>/<bucket>/<id in hexadecimal>: a key that was destroyed and made anew is another key and shows as one. A legal hold
// has a key too, labelled <deployment>/hold/<hold>; its id is hold/<hold>/<id>, and no class has that name.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import type { Wrapped } from '@strongroom/keys';
import { writeDurably } from '@strongroom/service';
import type { Keyring } from './keyring.ts';
import { OrderLog } from './order-log.ts';
import type { KeyHandle } from './token.ts';

const WORD = /^[a-z0-9](?:[a-z0-9.-]{0,38}[a-z0-9])?$/;
const KEY_ID = /^([^/]+)\/([^/]+)\/([0-9a-f]{16})$/;
const IV_OCTETS = 12;
const DATA_KEY_OCTETS = 32;
const TAG_OCTETS = 16;
const AAD_OCTETS_MAX = 1024;
const RETIRED = 'retired-wrapping-keys.json';

/** Handles of an open token; looking a key up costs several calls. */
const known = new WeakMap<Keyring, Map<string, KeyHandle>>();

/**
 * The key's id; makes the key when there is none, durably before it is named. Keys in `except`, and those of orders that were
 * begun, are not given out any more: they are about to be destroyed. Throws `Refused('keys.wrapping-name')`.
 */
export function ensureWrappingKey(ring: Keyring, retentionClass: string, bucket: string, except: readonly string[] = []): { readonly keyId: string; readonly made: boolean } {
  const label = labelOf(ring, retentionClass, bucket);
  const unfit = new Set([...retiredKeys(ring), ...condemnedKeys(ring), ...except]);
  const found = ring.token.wrappingKeys(label).map(({ id }) => `${retentionClass}/${bucket}/${id.toString('hex')}`).find((keyId) => !unfit.has(keyId));
  if (found !== undefined) return { keyId: found, made: false };
  const id = randomBytes(8);
  ring.token.makeWrappingKey({ label, id });
  ring.sync();
  return { keyId: `${retentionClass}/${bucket}/${id.toString('hex')}`, made: true };
}

/** Every wrapping key of the deployment, retired or not: what must go for a bucket to go. */
export function allWrappingKeyIds(ring: Keyring): string[] {
  const prefix = `${ring.founded.deployment}/wrap/`;
  return ring.token.wrappingKeysBelow(prefix).map(({ label, id }) => `${label.slice(prefix.length)}/${id.toString('hex')}`);
}

/**
 * From here on no new segment is wrapped under a key that there is now; what is wrapped stays readable. One durable write:
 * secrets/keys/retired-wrapping-keys.json. Returns how many keys were in use.
 */
export async function retireWrappingKeys(ring: Keyring): Promise<number> {
  const [before, all] = [retiredKeys(ring), allWrappingKeyIds(ring)];
  await writeDurably(join(ring.directory, RETIRED), `${JSON.stringify({ version: 1, keyIds: all }, null, 2)}\n`);
  retiredOf.set(ring, new Set(all));
  return all.filter((keyId) => !before.has(keyId)).length;
}

/** By keyring: it is asked for with every new segment. */
const retiredOf = new WeakMap<Keyring, ReadonlySet<string>>();

/** Throws `Refused('keys.founded')` when the file cannot be understood. */
export function retiredKeys(ring: Keyring): ReadonlySet<string> {
  const known = retiredOf.get(ring) ?? readRetired(join(ring.directory, RETIRED));
  retiredOf.set(ring, known);
  return known;
}

function readRetired(path: string): ReadonlySet<string> {
  try {
    const { version, keyIds } = JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown; keyIds?: unknown };
    if (version !== 1 || !Array.isArray(keyIds)) throw new Error('version 1 with "keyIds" is expected');
    return new Set(keyIds as string[]);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return new Set();
    throw new Refused('keys.founded', `${path} cannot be read`, { why: message, fix: 'restore it from a backup', cause: error });
  }
}

function condemnedKeys({ directory }: Keyring): ReadonlySet<string> {
  return new OrderLog(directory).condemned;
}

/** Throws `Refused`: `keys.wrapping-key` (no such key), `keys.condemned` (an order to destroy it was begun), `keys.wrap-size`. */
export function wrap(ring: Keyring, keyId: string, plain: Buffer, aad: Buffer): Wrapped {
  checkSizes([[plain, DATA_KEY_OCTETS, 'data key']], aad);
  if (condemnedKeys(ring).has(keyId)) {
    throw new Refused('keys.condemned', `nothing is wrapped under "${keyId}" any more`, { why: 'an order to destroy it was begun', fix: 'ask for the present key of its bucket' });
  }
  const iv = randomBytes(IV_OCTETS);
  const sealed = ring.token.encrypt(wrappingKey(ring, keyId), iv, aad, plain);
  return { iv, ciphertext: sealed.subarray(0, DATA_KEY_OCTETS), tag: sealed.subarray(DATA_KEY_OCTETS) };
}

/** Throws `Refused`: `keys.wrapping-key`, `keys.wrap-size`, `keys.not-authentic`. */
export function unwrap(ring: Keyring, keyId: string, { iv, ciphertext, tag }: Wrapped, aad: Buffer): Buffer {
  checkSizes([[iv, IV_OCTETS, 'IV'], [ciphertext, DATA_KEY_OCTETS, 'ciphertext'], [tag, TAG_OCTETS, 'tag']], aad);
  return ring.token.decrypt(wrappingKey(ring, keyId), iv, aad, Buffer.concat([ciphertext, tag]));
}

/** The same data key under another wrapping key; it never leaves this process. Throws as {@link unwrap} and {@link wrap}. */
export function rewrap(ring: Keyring, keyId: string, wrapped: Wrapped, aad: Buffer, toKeyId: string, toAad: Buffer): Wrapped {
  const plain = unwrap(ring, keyId, wrapped, aad);
  try {
    return wrap(ring, toKeyId, plain, toAad);
  } finally {
    plain.fill(0);
  }
}

/** Ids of all keys of a class and bucket, or of a hold. */
export function wrappingKeyIds(ring: Keyring, retentionClass: string, bucket: string): string[] {
  return ring.token.wrappingKeys(labelOf(ring, retentionClass, bucket)).map(({ id }) => `${retentionClass}/${bucket}/${id.toString('hex')}`);
}

/** Takes a key out of the token; one that is not there is gone already. The token's files are to be synced afterwards. */
export function destroyKey(ring: Keyring, keyId: string): void {
  known.get(ring)?.delete(keyId);
  const [, retentionClass = '', bucket = '', id = ''] = KEY_ID.exec(keyId) ?? [];
  const found = ring.token.wrappingKeys(labelOf(ring, retentionClass, bucket)).find((key) => key.id.toString('hex') === id);
  if (found !== undefined) ring.token.destroy(found);
}

function wrappingKey(ring: Keyring, keyId: string): KeyHandle {
  const handles = known.get(ring) ?? new Map<string, KeyHandle>();
  known.set(ring, handles);
  const handle = handles.get(keyId) ?? lookUp(ring, keyId);
  handles.set(keyId, handle);
  return handle;
}

function lookUp(ring: Keyring, keyId: string): KeyHandle {
  const [, retentionClass = '', bucket = '', id = ''] = KEY_ID.exec(keyId) ?? [];
  const found = ring.token.wrappingKeys(labelOf(ring, retentionClass, bucket)).find((key) => key.id.toString('hex') === id);
  if (found !== undefined) return found;
  throw new Refused('keys.wrapping-key', `the token has no wrapping key "${keyId.slice(0, 200)}"`, {
    why: 'it was destroyed, or made in another token', fix: 'see which token is connected; what was sealed under a destroyed key cannot be read',
  });
}

function labelOf({ founded }: Keyring, retentionClass: string, bucket: string): string {
  const isName = WORD.test(retentionClass) && WORD.test(bucket);
  if (isName) return `${founded.deployment}/${retentionClass === 'hold' ? 'hold' : `wrap/${retentionClass}`}/${bucket}`;
  throw new Refused('keys.wrapping-name', `"${retentionClass.slice(0, 60)}" and "${bucket.slice(0, 60)}" name no wrapping key`, {
    why: 'class and bucket have 1 to 40 lower-case letters, digits, dots or hyphens each',
  });
}

function checkSizes(fields: readonly (readonly [Buffer, number, string])[], aad: Buffer): void {
  for (const [bytes, size, name] of fields) {
    if (bytes.length !== size) throw new Refused('keys.wrap-size', `the ${name} has ${bytes.length} octets`, { why: `${size} are expected` });
  }
  if (aad.length > AAD_OCTETS_MAX) throw new Refused('keys.wrap-size', `the additional data has ${aad.length} octets`, { why: `the limit is ${AAD_OCTETS_MAX}` });
}

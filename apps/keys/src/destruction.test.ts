// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { approve, encodeOrderFile, newOrderFile, type DestroyOrder, type Order } from '@strongroom/evidence';
import { custodianId, keyHashOf, type Registry } from '@strongroom/service';
import { beginOrder, destroyByOrder, type DestructionFacts } from './destruction.ts';
import { Hsm } from './hsm.ts';
import { checkRequest, issue } from './issue.ts';
import { openKeyring, type Keyring } from './keyring.ts';
import type { KeyringPlace } from './place.ts';
import { verbsFor } from './verbs.ts';
import { ensureWrappingKey, rewrap, unwrap, wrap } from './wrapping.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const skip = existsSync(MODULE) ? false : 'machine: softhsm2 is not installed';
const directory = mkdtempSync(join(tmpdir(), 'strongroom-destruction-'));
const DEPLOYMENT = 'test-berlin';
const place: KeyringPlace = { directory, module: MODULE, tokenLabel: 'strongroom', pinFile: undefined, deployment: DEPLOYMENT };
const HOUR_NS = 3_600_000_000_000n;
const HOLD = 'ffeeddccbbaa99887766554433221100';
const context = Buffer.from('strongroom data key v1');

let ring: Keyring;
let custodians: { certificate: X509Certificate; key: KeyObject }[] = [];
let registry: Registry = { sources: {}, readers: {}, custodians: {} };
let now = BigInt(Date.now()) * 1_000_000n;
const facts: DestructionFacts = { directory, registry: () => registry, now: () => now };

before(async () => {
  if (skip !== false) return;
  ring = await openKeyring(place);
  custodians = await Promise.all(['anna', 'bert', 'carl'].map(enrol));
});
after(() => {
  if (skip === false) ring.close();
  rmSync(directory, { recursive: true, force: true });
});

/** As the supervisor does it. */
async function enrol(name: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = checkRequest({ spkiPem: publicKey.export({ type: 'spki', format: 'pem' }), uris: [custodianId(DEPLOYMENT, name)], dns: [], ips: [], commonName: name, usages: ['client'], notAfterDays: 30 }, DEPLOYMENT);
  const certificate = new X509Certificate((await issue(ring, request)).certPem);
  const entry = { id: custodianId(DEPLOYMENT, name), keyHash: keyHashOf(certificate), serial: '1', enrolledAt: new Date(Date.now() - 1000).toISOString(), notAfter: certificate.validTo, revokedAt: null };
  registry = { ...registry, custodians: { ...registry.custodians, [name]: entry } };
  return { certificate, key: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })) };
}

function common() {
  const created = BigInt(Date.now()) * 1_000_000n;
  return {
    id: randomBytes(16).toString('hex'), origin: `${DEPLOYMENT}/log`, size: 10, root: Buffer.alloc(32), created, expires: created + HOUR_NS,
    authority: new X509Certificate(ring.founded.caPem).raw, reason: 'a test',
  };
}

function destroyOrder(bucket: string, keys: readonly string[], more: Partial<DestroyOrder> = {}): Order {
  return { kind: 'destroy', ...common(), class: 'default', bucket, keys, segments: [], held: [], records: 0, bytes: 0, from: 0n, to: 0n, ...more };
}

function approved(order: Order, by: readonly number[] = [0, 1]): Buffer {
  const file = newOrderFile(order);
  return encodeOrderFile({ ...file, approvals: by.map((i) => approve(file.text, custodians[i]!.certificate, custodians[i]!.key, order.created + 1n)) });
}

/** What the token has on the disk, an object in each. */
function tokenFiles(): string[] {
  return readdirSync(join(directory, 'token'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.object')).toSorted();
}

test('two custodians destroy a key: it is gone from the token and its files, and asking again changes nothing', { skip }, async () => {
  const other = ensureWrappingKey(ring, 'default', '2027-02').keyId;
  const [plain, before] = [randomBytes(32), tokenFiles()];
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-01');
  assert.equal(tokenFiles().length, before.length + 1);
  const [wrapped, kept] = [wrap(ring, keyId, plain, context), wrap(ring, other, plain, context)];
  const order = approved(destroyOrder('2027-01', [keyId]));
  assert.deepEqual(beginOrder(ring, facts, order), { keys: [keyId] });
  assert.deepEqual(unwrap(ring, keyId, wrapped, context), plain, 'begun is not destroyed');
  for (let i = 0; i < 2; i += 1) assert.deepEqual(destroyByOrder(ring, facts, order), { keys: [keyId] });
  assert.throws(() => unwrap(ring, keyId, wrapped, context), { code: 'keys.wrapping-key' });
  ring.close();
  ring = await openKeyring(place);
  assert.throws(() => unwrap(ring, keyId, wrapped, context), { code: 'keys.wrapping-key' });
  assert.deepEqual(unwrap(ring, other, kept, context), plain);
  assert.deepEqual(tokenFiles(), before, 'its file is gone');
  assert.match(readFileSync(join(directory, 'orders'), 'utf8'), new RegExp(`^condemned \\S+ [0-9a-f]{32} ${keyId}\nbegun .*\ndestroyed \\S+ [0-9a-f]{32} ${keyId}\n$`));
});

test('what was begun is carried out however late, also after a crash cut off the last line', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-03');
  const order = approved(destroyOrder('2027-03', [keyId]));
  beginOrder(ring, facts, order);
  appendFileSync(join(directory, 'orders'), 'destroyed 2026-');
  now += 2n * HOUR_NS;
  assert.deepEqual(beginOrder(ring, facts, order), { keys: [keyId] });
  assert.deepEqual(destroyByOrder(ring, facts, order), { keys: [keyId] });
  assert.deepEqual(destroyByOrder(ring, facts, order), { keys: [keyId] });
  now -= 2n * HOUR_NS;
});

test('a key that is about to go is given out no more', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-04');
  const next = ensureWrappingKey(ring, 'default', '2027-04', [keyId]);
  assert.ok(next.made && next.keyId !== keyId);
  assert.equal(ensureWrappingKey(ring, 'default', '2027-04', [keyId]).keyId, next.keyId);
  const order = approved(destroyOrder('2027-04', [keyId]));
  beginOrder(ring, facts, order);
  destroyByOrder(ring, facts, order);
  assert.equal(ensureWrappingKey(ring, 'default', '2027-04').keyId, next.keyId);
});

test('once an order is begun nothing comes under its keys any more, however late it is carried out, also in another life', { skip }, async () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-10');
  const elsewhere = ensureWrappingKey(ring, 'default', '2027-11').keyId;
  const [plain, there] = [randomBytes(32), wrap(ring, elsewhere, randomBytes(32), context)];
  const before = wrap(ring, keyId, plain, context);
  const order = approved(destroyOrder('2027-10', [keyId]));
  beginOrder(ring, facts, order);
  now += 2n * HOUR_NS;
  for (let life = 0; life < 2; life += 1) {
    assert.notEqual(ensureWrappingKey(ring, 'default', '2027-10').keyId, keyId);
    assert.throws(() => wrap(ring, keyId, plain, context), { name: 'Refused', code: 'keys.condemned' });
    assert.throws(() => rewrap(ring, elsewhere, there, context, keyId, context), { name: 'Refused', code: 'keys.condemned' });
    assert.deepEqual(unwrap(ring, keyId, before, context), plain, 'what is there may still be read, and held');
    rewrap(ring, keyId, before, context, elsewhere, context);
    ring.close();
    ring = await openKeyring(place);
  }
  assert.deepEqual(destroyByOrder(ring, facts, order), { keys: [keyId] });
  now -= 2n * HOUR_NS;
});

test('an order whose begin was cut off condemns nothing', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-12');
  appendFileSync(join(directory, 'orders'), `condemned 2026-01-01T00:00:00.000Z ${'ab'.repeat(16)} ${keyId}\nbegun 2026-`);
  assert.equal(ensureWrappingKey(ring, 'default', '2027-12').keyId, keyId);
  assert.doesNotThrow(() => wrap(ring, keyId, randomBytes(32), context));
});

test('what a hold\'s key wraps outlives the bucket\'s key, and goes with the hold', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-05');
  const hold = ensureWrappingKey(ring, 'hold', HOLD).keyId;
  assert.match(hold, new RegExp(`^hold/${HOLD}/[0-9a-f]{16}$`));
  const plain = randomBytes(32);
  const held = rewrap(ring, keyId, wrap(ring, keyId, plain, context), context, hold, Buffer.from('other context'));
  const destroy = approved(destroyOrder('2027-05', [keyId]));
  beginOrder(ring, facts, destroy);
  destroyByOrder(ring, facts, destroy);
  assert.deepEqual(unwrap(ring, hold, held, Buffer.from('other context')), plain);
  const release = approved({ kind: 'release', ...common(), hold: HOLD });
  assert.deepEqual(beginOrder(ring, facts, release), { keys: [hold] });
  assert.deepEqual(destroyByOrder(ring, facts, release), { keys: [hold] });
  assert.throws(() => unwrap(ring, hold, held, Buffer.from('other context')), { code: 'keys.wrapping-key' });
});

test('a disk that refuses is told as the world\'s failure, and nothing was begun', { skip }, async () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2028-01');
  const order = destroyOrder('2028-01', [keyId]);
  const broken = mkdtempSync(join(directory, 'broken-'));
  mkdirSync(join(broken, 'orders'));
  const verbsIn = (place: string) => verbsFor('vault', {
    hsm: new Hsm(() => Promise.resolve(ring), { away: () => undefined, back: () => undefined, refused: () => undefined }), info: () => { throw new Error('not asked for'); }, deployment: DEPLOYMENT, destruction: { ...facts, directory: place },
    counts: { signatures: 0, wraps: 0, unwraps: 0, issued: 0, cosignatures: 0 }, keepRetiredLogKeys: false, event: () => undefined,
  });
  const ask = async (place: string): Promise<unknown> => verbsIn(place)['beginOrder']!({ order: approved(order).toString('base64') }, {} as never);
  await assert.rejects(ask(broken), { name: 'Failed', code: 'keys.disk' });
  assert.equal(ensureWrappingKey(ring, 'default', '2028-01').keyId, keyId);
  assert.deepEqual(await ask(directory), { keys: [keyId] });
});

test('a full disk under the key service is told so too', async () => {
  const { info } = verbsFor('vault', {
    hsm: { use: () => Promise.reject(new Error('not asked for')) }, info: () => { writeFileSync('/dev/full', 'x'); throw new Error('not reached'); }, deployment: DEPLOYMENT,
    counts: { signatures: 0, wraps: 0, unwraps: 0, issued: 0, cosignatures: 0 }, keepRetiredLogKeys: false, event: () => undefined,
  });
  await assert.rejects(async () => info!(undefined, {} as never), { name: 'Failed', code: 'keys.disk', why: /ENOSPC/ });
});

test('nothing is destroyed without two custodians who may', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-06');
  const order = destroyOrder('2027-06', [keyId]);
  assert.throws(() => beginOrder(ring, facts, approved(order, [0])), { code: 'order.approvals' });
  assert.throws(() => destroyByOrder(ring, facts, approved(order)), { code: 'keys.order-not-begun' });
  const revoked = { ...facts, registry: () => ({ ...registry, custodians: { ...registry.custodians, bert: { ...registry.custodians['bert']!, revokedAt: '2026-01-01' } } }) };
  assert.throws(() => beginOrder(ring, revoked, approved(order)), { code: 'order.approvals' });
  const late = { ...facts, registry: () => ({ ...registry, custodians: { ...registry.custodians, bert: { ...registry.custodians['bert']!, enrolledAt: '2100-01-01T00:00:00Z' } } }) };
  assert.throws(() => beginOrder(ring, late, approved(order)), { code: 'order.approvals' });
  assert.throws(() => beginOrder(ring, { ...facts, now: () => order.expires + 1n }, approved(order)), { code: 'order.expired' });
  assert.throws(() => beginOrder(ring, facts, approved({ ...order, origin: 'elsewhere/log' })), { code: 'keys.malformed' });
  assert.throws(() => beginOrder(ring, facts, approved({ ...order, authority: custodians[2]!.certificate.raw })), { code: 'order.authority' });
  assert.throws(() => beginOrder(ring, facts, Buffer.from('no order')), { code: 'order.malformed' });
  assert.doesNotThrow(() => wrap(ring, keyId, randomBytes(32), context));
});

test('an order reaches the keys of its bucket alone', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-07');
  for (const order of [destroyOrder('2027-08', [keyId]), destroyOrder('2027-07', [`${keyId}/..`]), destroyOrder(HOLD, [`hold/${HOLD}/0011223344556677`], { class: 'hold' })]) {
    assert.throws(() => beginOrder(ring, facts, approved(order)), { code: 'keys.order-keys' });
  }
  const rollback: Order = { kind: 'accept-rollback', ...common(), seen: 11, seenRoot: Buffer.alloc(32) };
  assert.throws(() => beginOrder(ring, facts, approved(rollback)), { code: 'keys.order-kind' });
});

test('an id names one order', { skip }, () => {
  const { keyId } = ensureWrappingKey(ring, 'default', '2027-09');
  const order = destroyOrder('2027-09', [keyId]);
  beginOrder(ring, facts, approved(order));
  assert.throws(() => beginOrder(ring, facts, approved({ ...order, reason: 'another' })), { code: 'keys.order-changed' });
  assert.throws(() => destroyByOrder(ring, facts, approved({ ...order, reason: 'another' })), { code: 'keys.order-not-begun' });
});

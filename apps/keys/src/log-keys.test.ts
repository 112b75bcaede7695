// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LogTree, checkpointText, encodeEntry, encodeRotation, parseVkey, signatureLine, vkeyLine } from '@strongroom/evidence';
import { openKeyring, type Keyring } from './keyring.ts';
import { infoOf, type KeyringPlace } from './place.ts';
import { ensureWrappingKey, retireWrappingKeys, unwrap, wrap, allWrappingKeyIds } from './wrapping.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const skip = existsSync(MODULE) ? false : 'machine: softhsm2 is not installed';
const root = mkdtempSync(join(tmpdir(), 'strongroom-log-keys-'));
after(() => rmSync(root, { recursive: true, force: true }));
const ORIGIN = 'test-berlin/log';

function place(): KeyringPlace {
  return { directory: mkdtempSync(join(root, 'keys-')), module: MODULE, tokenLabel: 'strongroom', pinFile: undefined, deployment: 'test-berlin' };
}

async function within<T>(at: KeyringPlace, work: (ring: Keyring) => T): Promise<Awaited<T>> {
  const ring = await openKeyring(at);
  try {
    return await work(ring);
  } finally {
    ring.close();
  }
}

const sign = (ring: Keyring, spki: string, text: string): Buffer => ring.token.sign('ed25519', ring.logKeys.handle(spki), Buffer.from(text));

/** A log of one entry that names the next key, as the vault commits it. */
function rotation(ring: Keyring, from: string, to: string): string {
  const [before, next] = [from, to].map((spki) => vkeyLine(ORIGIN, Buffer.from(spki, 'base64')));
  const entry = encodeEntry({ kind: 'rotate', time: 1n, from: before!, to: next! });
  const tree = new LogTree();
  tree.append(entry);
  const text = checkpointText({ origin: ORIGIN, size: 1, root: tree.root() });
  const lines = [from, to].map((spki, i) => signatureLine(parseVkey([before, next][i]!), sign(ring, spki, text)));
  return encodeRotation(entry, 0, tree.lastEntryPath(), `${text}\n${lines.join('')}`);
}

test('a next key is made once, and replaces the present one when both have signed', { skip }, async () => {
  const at = place();
  const [first, next] = await within(at, async (ring) => {
    const made = await ring.logKeys.prepare(ORIGIN);
    assert.deepEqual(await ring.logKeys.prepare(ORIGIN), made);
    return [ring.founded.logPublicKeySpki, made.spki];
  });
  assert.deepEqual(infoOf(at).logKeys.map(({ spki, state }) => [spki, state]), [[first, 'active'], [next, 'next']]);
  await within(at, async (ring) => {
    const text = rotation(ring, first, next);
    const { retired, active } = await ring.logKeys.retire(text, false);
    assert.deepEqual([retired.state, active.state], ['destroyed', 'active']);
    assert.deepEqual((await ring.logKeys.retire(text, false)).retired.state, 'destroyed');
    assert.throws(() => ring.logKeys.handle(first), { code: 'keys.log-key' });
    assert.equal(ring.token.privateKey('test-berlin/log'), undefined);
  });
  await within(at, (ring) => {
    const message = randomBytes(20);
    const key = createPublicKey({ key: Buffer.from(next, 'base64'), format: 'der', type: 'spki' });
    assert.ok(verify(null, message, key, ring.token.sign('ed25519', ring.logKeys.handle(undefined), message)));
  });
});

test('a key may be kept when it is replaced', { skip }, async () => {
  await within(place(), async (ring) => {
    const [first, { spki }] = [ring.founded.logPublicKeySpki, await ring.logKeys.prepare(ORIGIN)];
    assert.equal((await ring.logKeys.retire(rotation(ring, first, spki), true)).retired.state, 'retired');
    sign(ring, first, 'x');
  });
});

test('no key ends without what both signed', { skip }, async () => {
  await within(place(), async (ring) => {
    const [first, { spki }] = [ring.founded.logPublicKeySpki, await ring.logKeys.prepare(ORIGIN)];
    const good = rotation(ring, first, spki);
    const lines = good.trimEnd().split('\n');
    await assert.rejects(ring.logKeys.retire(`${lines.slice(0, -1).join('\n')}\n`, false), { code: 'note.signature' });
    await assert.rejects(ring.logKeys.retire(good.replace('index 0', 'index 1'), false), { code: 'rotation.malformed' });
    sign(ring, first, 'x');
    const other = await ring.logKeys.prepare(ORIGIN);
    assert.equal(other.spki, spki);
  });
});

test('a destruction that a crash interrupted is completed', { skip }, async () => {
  const at = place();
  const first = await within(at, async (ring) => {
    await ring.logKeys.prepare(ORIGIN);
    return ring.founded.logPublicKeySpki;
  });
  const file = join(at.directory, 'log-keys.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"active"', '"destroyed"').replace('"next"', '"active"'));
  await within(at, (ring) => {
    assert.equal(ring.token.privateKey('test-berlin/log'), undefined);
    assert.throws(() => ring.logKeys.handle(first), { code: 'keys.log-key' });
  });
});

test('a key that was made and never named is taken over', { skip }, async () => {
  const at = place();
  const made = await within(at, async (ring) => (await ring.logKeys.prepare(ORIGIN)).spki);
  rmSync(join(at.directory, 'log-keys.json'));
  assert.equal(await within(at, async (ring) => (await ring.logKeys.prepare(ORIGIN)).spki), made);
  writeFileSync(join(at.directory, 'log-keys.json'), '{}');
  await assert.rejects(openKeyring(at), { code: 'keys.founded' });
});

test('retired wrapping keys wrap nothing new, and still open what they wrapped, over a restart', { skip }, async () => {
  const at = place();
  const aad = Buffer.from('aad');
  const before = await within(at, async (ring) => {
    const { keyId } = ensureWrappingKey(ring, 'default', '2027-01');
    ensureWrappingKey(ring, 'long', '2030-01');
    const wrapped = wrap(ring, keyId, Buffer.alloc(32, 7), aad);
    assert.equal(await retireWrappingKeys(ring), 2);
    assert.equal(await retireWrappingKeys(ring), 0);
    return { keyId, wrapped };
  });
  await within(at, (ring) => {
    const { keyId, made } = ensureWrappingKey(ring, 'default', '2027-01');
    assert.ok(made && keyId !== before.keyId && keyId.startsWith('default/2027-01/'));
    assert.equal(ensureWrappingKey(ring, 'default', '2027-01').keyId, keyId);
    assert.deepEqual(unwrap(ring, before.keyId, before.wrapped, aad), Buffer.alloc(32, 7));
    assert.deepEqual(allWrappingKeyIds(ring).filter((id) => id.startsWith('default/')).toSorted(), [before.keyId, keyId].toSorted());
  });
});

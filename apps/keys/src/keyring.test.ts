// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate, createPublicKey, randomBytes, verify } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CKF, CKM, CKU } from './cryptoki.table.ts';
import { load } from './cryptoki.ts';
import { openFounded, openKeyring, type Keyring } from './keyring.ts';
import { Module } from './module.ts';
import { infoOf, type KeyringPlace } from './place.ts';
import { prepareSoftHsm } from './softhsm.ts';
import { ensureWrappingKey, unwrap, wrap } from './wrapping.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const skip = existsSync(MODULE) ? false : 'machine: softhsm2 is not installed';
const root = mkdtempSync(join(tmpdir(), 'strongroom-keyring-'));
after(() => rmSync(root, { recursive: true, force: true }));

function place(over: Partial<KeyringPlace> = {}): KeyringPlace {
  const directory = mkdtempSync(join(root, 'keys-'));
  return { directory, module: MODULE, tokenLabel: 'strongroom', pinFile: undefined, deployment: 'test-berlin', ...over };
}

/** Opens, uses and closes: a module knows one life at a time. */
async function within<T>(at: KeyringPlace, work: (ring: Keyring) => T): Promise<Awaited<T>> {
  const ring = await openKeyring(at);
  try {
    return await work(ring);
  } finally {
    ring.close();
  }
}

const logKey = (ring: Keyring): string => ring.founded.logPublicKeySpki;

test('the first opening founds a deployment, the next one finds it', { skip }, async () => {
  const at = place();
  const first = await within(at, (ring) => ring.founded);
  const second = await within(at, (ring) => ring.founded);
  assert.deepEqual(second, first);
  assert.deepEqual(infoOf(at).logPublicKeySpki, first.logPublicKeySpki);
  const ca = new X509Certificate(readFileSync(join(at.directory, 'ca.pem')));
  assert.ok(ca.ca && ca.verify(ca.publicKey));
  assert.equal(ca.validToDate.getUTCFullYear() - ca.validFromDate.getUTCFullYear(), 20);
  assert.equal(ca.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'), first.caPublicKeySpki);
  for (const file of ['pin', 'so-pin', 'founded.json']) assert.equal(statSync(join(at.directory, file)).mode & 0o777, 0o600);
});

test('the log’s key signs Ed25519 that node:crypto verifies', { skip }, async () => {
  const message = randomBytes(100);
  await within(place(), (ring) => {
    const key = createPublicKey({ key: Buffer.from(logKey(ring), 'base64'), format: 'der', type: 'spki' });
    assert.equal(key.asymmetricKeyType, 'ed25519');
    assert.ok(verify(null, message, key, ring.token.sign('ed25519', ring.logKeys.handle(undefined), message)));
  });
});

test('a crash before the commit point leaves nothing that the next founding trips over', { skip }, async () => {
  const at = place();
  const first = await within(at, logKey);
  rmSync(join(at.directory, 'founded.json'));
  const second = await within(at, logKey);
  assert.notEqual(second, first);
  assert.equal(await within(at, logKey), second);
  rmSync(join(at.directory, 'founded.json'));
  rmSync(join(at.directory, 'token'), { recursive: true });
  assert.notEqual(await within(at, logKey), second);
});

test('no key can be read or wrapped out of the token', { skip }, async () => {
  const at = place();
  await within(at, (ring) => {
    ensureWrappingKey(ring, 'default', '2027-01');
    const api = load(MODULE);
    const slot = api.C_GetSlotList(true)[0]!;
    const session = api.C_OpenSession(slot, CKF.SERIAL_SESSION | CKF.RW_SESSION);
    const wrapper = api.C_GenerateKey(session, { mechanism: CKM.AES_KEY_GEN }, [{ type: 0x161, value: 32 }, { type: 0x106, value: true }]);
    const keys = [ring.logKeys.handle(undefined), ring.ca, ring.token.wrappingKeys('test-berlin/wrap/default/2027-01')[0]!];
    for (const { handle } of keys) {
      assert.throws(() => api.C_GetAttributeValue(session, handle, [{ type: 0x11 }]), { message: 'CKR_ATTRIBUTE_SENSITIVE' });
      assert.throws(() => api.C_WrapKey(session, { mechanism: 0x2109 }, wrapper, handle, Buffer.alloc(4096)), { message: /CKR_KEY_(UNEXTRACTABLE|NOT_WRAPPABLE)/ });
    }
  });
});

test('a token that is gone is away, also when its folder is; when it is back, it is the same', { skip }, async () => {
  const at = place();
  const before = await within(at, logKey);
  renameSync(join(at.directory, 'token'), join(at.directory, 'unplugged'));
  await assert.rejects(openKeyring(at), { name: 'Failed', code: 'keys.hsm-away' });
  assert.ok(!existsSync(join(at.directory, 'token')));
  renameSync(join(at.directory, 'unplugged'), join(at.directory, 'token'));
  assert.equal(await within(at, logKey), before);
});

test('an emptied token is away, and is not filled with new keys', { skip }, async () => {
  const at = place();
  await within(at, logKey);
  const pins = { so: readFileSync(join(at.directory, 'so-pin'), 'utf8').trim(), user: readFileSync(join(at.directory, 'pin'), 'utf8').trim() };
  const module = new Module(MODULE);
  module.makeToken('strongroom', pins.so, pins.user);
  module.close();
  await assert.rejects(openKeyring(at), { name: 'Failed', code: 'keys.hsm-away' });
});

test('another deployment’s token is refused', { skip }, async () => {
  const [one, other] = [place(), place()];
  await within(one, logKey);
  await within(other, logKey);
  for (const part of ['token', 'pin']) {
    rmSync(join(one.directory, part), { recursive: true });
    cpSync(join(other.directory, part), join(one.directory, part), { recursive: true });
  }
  await assert.rejects(openKeyring(one), { name: 'Refused', code: 'keys.founded' });
});

test('a wrong PIN is refused, and a missing one', { skip }, async () => {
  const at = place();
  await within(at, logKey);
  writeFileSync(join(at.directory, 'pin'), 'not-the-pin\n');
  await assert.rejects(openKeyring(at), { name: 'Refused', code: 'keys.pin' });
  rmSync(join(at.directory, 'pin'));
  await assert.rejects(openKeyring(at), { name: 'Refused', code: 'keys.pin-file' });
});

test('a record of the founding that cannot be read is never taken for none', { skip }, async () => {
  const at = place();
  await within(at, logKey);
  for (const text of ['', '{}', '{"version":2}', 'null']) {
    writeFileSync(join(at.directory, 'founded.json'), text);
    await assert.rejects(openKeyring(at), { name: 'Refused', code: 'keys.founded' }, text);
  }
});

test('a deployment keeps its name', { skip }, async () => {
  const at = place();
  await within(at, logKey);
  await assert.rejects(openKeyring({ ...at, deployment: 'test-paris' }), { name: 'Refused', code: 'keys.founded' });
});

test('a module that is none is refused', async () => {
  await assert.rejects(openKeyring(place({ module: '/nowhere/pkcs11.so' })), { name: 'Refused', code: 'keys.module' });
});

test('a token from elsewhere is used by its PIN file, and its keys are taken over, never replaced', { skip }, async () => {
  const home = place();
  await prepareSoftHsm(home.directory, false);
  const module = new Module(MODULE);
  module.makeToken('rack 7', 'officer-pin', 'user-pin');
  module.close();
  const pinFile = join(root, 'rack-7.pin');
  writeFileSync(pinFile, 'user-pin\n', { mode: 0o600 });
  const one = place({ tokenLabel: 'rack 7', pinFile });
  const first = await within(one, logKey);
  assert.ok(!existsSync(join(one.directory, 'pin')) && !existsSync(join(one.directory, 'token')));
  assert.equal(await within(place({ tokenLabel: 'rack 7', pinFile }), logKey), first);
  assert.notEqual(await within(place({ tokenLabel: 'rack 7', pinFile, deployment: 'test-paris' }), logKey), first);
  assert.equal(await within(one, logKey), first);
  assert.equal(infoOf(one).embedded, false);
  await assert.rejects(openKeyring(place({ tokenLabel: 'rack 8', pinFile })), { name: 'Failed', code: 'keys.hsm-away' });
});

test('two tokens of one label are ambiguous', { skip }, async () => {
  const at = place();
  await within(at, logKey);
  const empty = new Module(MODULE);
  const slot = load(MODULE).C_GetSlotList(true).at(-1)!;
  load(MODULE).C_InitToken(slot, 'officer-pin', 'strongroom'.padEnd(32));
  empty.close();
  await assert.rejects(openKeyring(at), { name: 'Refused', code: 'keys.token-ambiguous' });
});

test('reading alone changes no file', { skip }, async () => {
  const at = place();
  const { founded, wrapped, keyId } = await within(at, (ring) => {
    const key = ensureWrappingKey(ring, 'default', '2027-01').keyId;
    return { founded: ring.founded, keyId: key, wrapped: wrap(ring, key, Buffer.alloc(32, 7), Buffer.from('aad')) };
  });
  rmSync(join(at.directory, 'so-pin'));
  const ring = await openFounded(at, founded);
  assert.deepEqual(unwrap(ring, keyId, wrapped, Buffer.from('aad')), Buffer.alloc(32, 7));
  ring.close();
  assert.ok(!existsSync(join(at.directory, 'so-pin')));
});

test('a closed keyring answers nothing, also when the module runs again', { skip }, async () => {
  const at = place();
  const closed = await openKeyring(at);
  const handle = closed.logKeys.handle(undefined);
  closed.close();
  const next = await openKeyring(at);
  assert.throws(() => closed.token.sign('ed25519', handle, Buffer.alloc(1)), { name: 'Failed', code: 'keys.hsm-away' });
  next.close();
});

test('the security officer cannot log in as the user', { skip }, async () => {
  const at = place();
  await within(at, () => {
    const api = load(MODULE);
    const session = api.C_OpenSession(api.C_GetSlotList(true)[0]!, CKF.SERIAL_SESSION | CKF.RW_SESSION);
    assert.throws(() => api.C_Login(session, CKU.USER, readFileSync(join(at.directory, 'so-pin'), 'utf8').trim()));
  });
});

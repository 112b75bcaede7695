// SPDX-License-Identifier: Apache-2.0
// The key service as a process, spoken to as the supervisor and the vault do.
import assert from 'node:assert/strict';
import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { X509Certificate, createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { keyService, makeKeyPair, makeRequest, pemEncode, type KeyService } from '@strongroom/keys';
import { RpcClient, layout, loadIdentity, serviceId, type FromService, type Layout, type StartMessage } from '@strongroom/service';
import { configOf } from '@strongroom/service/config';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const skip = existsSync(MODULE) ? false : 'machine: softhsm2 is not installed';
const withoutOpenssl = skip === false && spawnSync('openssl', ['version']).error !== undefined ? 'machine: openssl is not installed' : skip;
const DEPLOYMENT = 'test-berlin';
const CHECKPOINT = Buffer.from(`test-berlin/log\n42\n${randomBytes(32).toString('base64')}\n`);
const root = mkdtempSync(join(tmpdir(), 'strongroom-keys-service-'));
const services = new Set<Service>();
after(() => {
  for (const service of services) service.child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

/** One life of the service, on a home of its own or one from before. */
class Service {
  readonly paths: Layout;
  readonly child: ChildProcess;
  readonly messages: FromService[] = [];
  readonly clients: RpcClient[] = [];
  readonly exit: Promise<number | null>;
  #wake = Promise.withResolvers<void>();

  constructor(home = mkdtempSync(join(root, 'home-')), keys: Record<string, unknown> = {}) {
    this.paths = layout(home);
    for (const directory of [this.paths.keysToken, this.paths.runOf('keys'), this.paths.state, this.paths.dataKeys]) mkdirSync(directory, { recursive: true });
    this.child = fork(join(import.meta.dirname, 'main.ts'), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    this.child.stdout!.resume();
    this.exit = once(this.child, 'exit').then(([code]) => code as number | null);
    this.child.on('message', (message) => {
      this.messages.push(message as FromService);
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    });
    const start: StartMessage = {
      kind: 'start', home, config: configOf({ keys }), deployment: DEPLOYMENT, registry: { sources: {}, readers: {}, custodians: {} }, index: 0,
      separation: { kind: 'nominal', reason: 'a test', groups: null }, kmsgFd: null,
    };
    this.child.send(start);
    services.add(this);
  }

  /** Resolves with the first message like this; rejects when the process ends before. */
  async message(like: (message: FromService) => boolean): Promise<FromService> {
    for (;;) {
      const found = this.messages.find((message) => like(message));
      if (found !== undefined) return found;
      const gone = this.exit.then((code) => { throw new Error(`the service ended with ${code}`); });
      await Promise.race([this.#wake.promise, gone]);
    }
  }

  async ready(): Promise<this> {
    await this.message(({ kind }) => kind === 'ready');
    return this;
  }

  async event(name: string): Promise<FromService> {
    return this.message((message) => message.kind === 'event' && message.event === name);
  }

  async admin(): Promise<KeyService> {
    return this.#speak(RpcClient.connect(this.paths.keysAdminSocket));
  }

  /** As a service with a certificate of the deployment, as the supervisor has it made. */
  async as(name: string, socket: string = this.paths.keysVaultSocket): Promise<KeyService> {
    const admin = await this.admin();
    const { caPem } = await admin.info();
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { certPem } = await admin.issue({
      spkiPem: publicKey.export({ type: 'spki', format: 'pem' }) as string, uris: [serviceId(DEPLOYMENT, name)], dns: [], ips: [], commonName: name, usages: ['client', 'server'], notAfterDays: 90,
    });
    const files = this.paths.identity('vault');
    writeFileSync(this.paths.ca, caPem);
    writeFileSync(files.certificate, certPem);
    writeFileSync(files.key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    return this.#speak(RpcClient.connect(socket, { identity: loadIdentity(files, this.paths.ca), expected: serviceId(DEPLOYMENT, 'keys') }));
  }

  /** In order: resolves with the exit code. */
  async stop(): Promise<number | null> {
    for (const client of this.clients) client.close();
    this.child.send({ kind: 'stop' });
    return this.exit;
  }

  async #speak(connecting: Promise<RpcClient>): Promise<KeyService> {
    const client = await connecting;
    this.clients.push(client);
    return keyService(client);
  }
}

test('the vault seals with it: a signed checkpoint and a data key, the same after a restart', { skip }, async () => {
  const first = await new Service().ready();
  const vault = await first.as('vault');
  const { logPublicKeySpki } = await vault.info();
  const key = createPublicKey({ key: Buffer.from(logPublicKeySpki, 'base64'), format: 'der', type: 'spki' });
  assert.ok(verify(null, CHECKPOINT, key, await vault.signCheckpoint(CHECKPOINT)));
  const keyId = await vault.ensureWrappingKey('default', '2027-01');
  const [plain, aad] = [randomBytes(32), Buffer.from('context')];
  const wrapped = await vault.wrap(keyId, plain, aad);
  assert.equal(await first.stop(), 0);

  const second = await new Service(first.paths.home).ready();
  const again = await second.as('vault');
  assert.deepEqual(await again.unwrap(keyId, wrapped, aad), plain);
  assert.equal(await again.ensureWrappingKey('default', '2027-01'), keyId);
  assert.equal((await again.info()).logPublicKeySpki, logPublicKeySpki);
  assert.equal(await second.stop(), 0);
});

test('sockets are for their users alone', { skip }, async () => {
  const service = await new Service().ready();
  assert.equal(statSync(service.paths.keysAdminSocket).mode & 0o777, 0o600);
  for (const path of [service.paths.keysVaultSocket, service.paths.keysWitnessSocket]) assert.equal(statSync(path).mode & 0o777, 0o660);
  await service.stop();
});

test('who may do what: the supervisor issues and seals nothing, the vault seals and issues nothing', { skip }, async () => {
  const service = await new Service().ready();
  const admin = await service.admin();
  for (const call of [
    () => admin.signCheckpoint(CHECKPOINT), () => admin.ensureWrappingKey('default', 'x'), () => admin.unwrap('default/x/0000000000000000', { iv: Buffer.alloc(12), ciphertext: Buffer.alloc(32), tag: Buffer.alloc(16) }, Buffer.alloc(0)),
  ]) await assert.rejects(call, { name: 'Refused', code: 'rpc.unknown-verb' });
  const vault = await service.as('vault');
  await assert.rejects(vault.issue({ uris: [], dns: ['x'], ips: [], commonName: 'x', usages: ['server'], notAfterDays: 1 }), { name: 'Refused', code: 'rpc.unknown-verb' });
  await service.stop();
});

test('another service’s certificate opens nothing, and it is said', { skip }, async () => {
  const service = await new Service().ready();
  await assert.rejects(async () => {
    const gateway = await service.as('gateway');
    await gateway.info();
  }, { name: 'Failed' });
  const event = await service.event('keys.peer-refused');
  assert.ok(event.kind === 'event' && event.fields['code'] === 'keys.peer');
  assert.equal(await service.stop(), 0);
});

test('the log’s key signs checkpoints only', { skip }, async () => {
  const service = await new Service().ready();
  const vault = await service.as('vault');
  for (const text of ['', 'hello', 'a\n1\n', `a b\n1\n${'A'.repeat(43)}=\n`, `a\n01\n${'A'.repeat(43)}=\n`, `a\n1\n${'A'.repeat(43)}=\nmore\n`, `a\n1\n${'A'.repeat(42)}B=\n`, `a\n1\n${'A'.repeat(43)}=`, 'x'.repeat(2000)]) {
    await assert.rejects(vault.signCheckpoint(Buffer.from(text)), { name: 'Refused', code: 'keys.not-a-checkpoint' }, text);
  }
  await service.stop();
});

test('the witness cosigns the logs of others with keys of its own, and nothing else', { skip }, async () => {
  const service = await new Service().ready();
  const witness = await service.as('witness', service.paths.keysWitnessSocket);
  const spki = await witness.witnessKey('witness');
  const text = `cosignature/v1\ntime 1790000000\npeer.example/log\n7\n${'A'.repeat(43)}=\n`;
  for (const message of [text, `${text}an extension\n`]) {
    const signature = await witness.signCosignature('witness', Buffer.from(message));
    assert.ok(verify(null, Buffer.from(message), createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature));
  }
  assert.deepEqual(await witness.witnessKey('witness'), spki);
  assert.notDeepEqual(await witness.witnessKey('mirror'), spki);
  for (const own of [`${DEPLOYMENT}/log`, `${DEPLOYMENT}/log-2`]) {
    await assert.rejects(witness.signCosignature('witness', Buffer.from(text.replace('peer.example/log', own))), { name: 'Refused', code: 'keys.own-log' }, own);
  }
  for (const other of ['', CHECKPOINT.toString(), text.replace('v1', 'v2'), text.replace('time 17', 'time 017'), text.slice(0, -1), text.replace('\n7\n', '\n07\n'), `${text}\n`]) {
    await assert.rejects(witness.signCosignature('witness', Buffer.from(other)), { name: 'Refused', code: 'keys.not-a-cosignature' }, other);
  }
  await assert.rejects(witness.signCheckpoint(CHECKPOINT), { name: 'Refused', code: 'rpc.unknown-verb' });
  await service.stop();
});

test('an HSM that goes away stalls the service; it goes on by itself, and never ends', { skip }, async () => {
  const service = await new Service().ready();
  const vault = await service.as('vault');
  const [token, unplugged] = [join(service.paths.keysToken, 'token'), join(service.paths.keysToken, 'unplugged')];
  renameSync(token, unplugged);
  await assert.rejects(vault.signCheckpoint(CHECKPOINT), { name: 'Failed', code: 'keys.hsm-away' });
  await service.message((message) => message.kind === 'state' && message.state === 'stalled');
  assert.ok((await vault.info()).caPem.includes('CERTIFICATE'));
  renameSync(unplugged, token);
  await service.event('keys.hsm-back');
  assert.equal((await vault.signCheckpoint(CHECKPOINT)).length, 64);
  await service.message((message) => message.kind === 'state' && message.state === 'running');
  assert.equal(await service.stop(), 0);
});

test('a start without the HSM serves what needs none, and all once it is there', { skip }, async () => {
  const first = await new Service().ready();
  await first.stop();
  const [token, unplugged] = [join(first.paths.keysToken, 'token'), join(first.paths.keysToken, 'unplugged')];
  renameSync(token, unplugged);
  const second = await new Service(first.paths.home).ready();
  await second.message((message) => message.kind === 'state' && message.state === 'stalled');
  const admin = await second.admin();
  assert.ok((await admin.info()).caPem.includes('CERTIFICATE'));
  await assert.rejects(second.as('vault'), { name: 'Failed', code: 'keys.hsm-away' });
  renameSync(unplugged, token);
  await second.event('keys.hsm-back');
  const vault = await second.as('vault');
  assert.equal((await vault.signCheckpoint(CHECKPOINT)).length, 64);
  assert.equal(await second.stop(), 0);
});

test('a first start waits for an external token instead of ending', { skip }, async () => {
  const pinFile = join(root, 'external.pin');
  writeFileSync(pinFile, '1234\n');
  const service = new Service(undefined, { tokenLabel: 'not connected', pinFile });
  await service.message((message) => message.kind === 'state' && message.state === 'stalled');
  assert.ok(!service.messages.some(({ kind }) => kind === 'ready'));
  assert.equal(await service.stop(), 0);
});

for (const [name, keys, breakIt, code] of [
  ['a module that is missing', { module: '/nowhere/pkcs11.so' }, () => undefined, 'keys.module'],
  ['a wrong PIN', {}, (paths: Layout) => writeFileSync(join(paths.keysToken, 'pin'), 'wrong\n'), 'keys.pin'],
] as const) {
  test(`${name} needs a person: exit 78`, { skip }, async () => {
    const first = await new Service().ready();
    await first.stop();
    breakIt(first.paths);
    const second = new Service(first.paths.home, keys);
    let said = '';
    second.child.stdout!.on('data', (data: Buffer) => { said += data.toString(); });
    assert.equal(await second.exit, 78);
    assert.ok(said.includes(`"code":"${code}"`), said);
  });
}

test('issued certificates hold in openssl, and say what was asked for', { skip: withoutOpenssl }, async () => {
  const service = await new Service().ready();
  const admin = await service.admin();
  const { caPem } = await admin.info();
  const pair = await makeKeyPair();
  const issued = await admin.issue({
    csrPem: makeRequest(pair.privateKey, 'anything'), uris: ['spiffe://test-berlin/source/web-01'], dns: [], ips: [], commonName: 'web-01', usages: ['client'], notAfterDays: 365,
  });
  const [ca, certificate] = [join(root, 'ca.pem'), join(root, 'web-01.pem')];
  writeFileSync(ca, caPem);
  writeFileSync(certificate, issued.certPem);
  assert.equal(spawnSync('openssl', ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', ca, certificate]).status, 0);
  const parsed = new X509Certificate(issued.certPem);
  assert.equal(parsed.subjectAltName, 'URI:spiffe://test-berlin/source/web-01');
  assert.equal(parsed.serialNumber.toLowerCase(), issued.serial);
  assert.equal(parsed.validToDate.toISOString(), issued.notAfter);
  assert.ok(Math.abs(Date.parse(issued.notAfter) - Date.parse(issued.notBefore) - 365 * 86_400_000 - 3_600_000) < 60_000);
  await service.stop();
});

test('offline, the token unwraps and does nothing else', { skip }, async () => {
  const service = await new Service().ready();
  const vault = await service.as('vault');
  const keyId = await vault.ensureWrappingKey('default', '2027-01');
  const [plain, aad] = [randomBytes(32), Buffer.from('context')];
  const wrapped = await vault.wrap(keyId, plain, aad);
  const offline = startOffline(service.paths.home);
  const keys = keyService(offline.client);
  // Beside the running service, and after it.
  assert.deepEqual(await keys.unwrap(keyId, wrapped, aad), plain);
  await service.stop();
  assert.deepEqual(await keys.unwrap(keyId, wrapped, aad), plain);
  assert.deepEqual((await keys.info()).tokenLabel, 'strongroom');
  await assert.rejects(keys.signCheckpoint(CHECKPOINT), { name: 'Refused', code: 'rpc.unknown-verb' });
  await assert.rejects(keys.unwrap(keyId, wrapped, Buffer.from('other')), { name: 'Refused', code: 'keys.not-authentic' });
  offline.child.stdin!.end();
  await once(offline.child, 'exit');
  assert.equal(offline.child.exitCode, 0);
});

test('offline, a home without a token is said to be one', { skip }, async () => {
  const offline = startOffline(mkdtempSync(join(root, 'empty-')));
  const keys = keyService(offline.client);
  await assert.rejects(keys.info(), { name: 'Failed', code: 'keys.hsm-away' });
  offline.child.stdin!.end();
  await once(offline.child, 'exit');
});

function startOffline(home: string): { readonly child: ChildProcess; readonly client: RpcClient } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'offline.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, STRONGROOM_HOME: home, STRONGROOM_CONFIG: '' },
  });
  const pipes = { readable: child.stdout, writable: child.stdin } as unknown as Duplex;
  return { child, client: new RpcClient(Duplex.from(pipes)) };
}

test('its own certificate is the CA’s, and a foreign or broken one is replaced', { skip }, async () => {
  const first = await new Service().ready();
  const { caPem } = await (await first.admin()).info();
  await first.stop();
  const { certificate } = first.paths.identity('keys');
  const before = new X509Certificate(readFileSync(certificate));
  assert.equal(before.subjectAltName, 'URI:spiffe://test-berlin/service/keys');
  assert.ok(before.verify(new X509Certificate(caPem).publicKey));
  writeFileSync(certificate, pemEncode('CERTIFICATE', Buffer.alloc(10)));
  const second = await new Service(first.paths.home).ready();
  await second.stop();
  assert.notEqual(new X509Certificate(readFileSync(certificate)).serialNumber, before.serialNumber);
});

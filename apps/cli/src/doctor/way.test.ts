// SPDX-License-Identifier: Apache-2.0
// The way to a listener, with listeners that are wrong in one point each.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlain, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createServer, type TlsOptions } from 'node:tls';
import { Refused } from '@strongroom/bytes';
import { TestAuthority, type IssuedCertificate } from '@strongroom/testing';
import { examine, type Diagnosis } from './examine.ts';
import { WAY_CHECKS } from './registry.ts';
import { wayOf } from './way.ts';

const DAY_MS = 86_400_000;
const directory = mkdtempSync(join(tmpdir(), 'strongroom-way-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const authority = await TestAuthority.make();
const identity = identityDirectory('web-01', await authority.issue({ uris: ['spiffe://doctor/source/web-01'], usages: ['client'] }));
const good = await authority.issue({ dns: ['localhost'], ips: ['127.0.0.1'], usages: ['server'] });

test('a listener that is as it should be says nothing', async () => {
  await using listener = await listen(good);
  const diagnosis = await from(listener.port);
  assert.deepEqual([diagnosis.findings, diagnosis.unseen], [[], []]);
});

for (const [what, certificate, code] of [
  ['has expired', { fromDays: -40, toDays: -1 }, 'way.certificate-expired'],
  ['begins tomorrow', { fromDays: 1, toDays: 90 }, 'way.certificate-not-yet-valid'],
] as const) {
  test(`a listener whose certificate ${what} is told as that, and not as a wrong clock`, async () => {
    await using listener = await listen(await authority.issue({ ips: ['127.0.0.1'], usages: ['server'], ...certificate }));
    assert.deepEqual(codes(await from(listener.port)), [code]);
  });
}

test('a listener that does not show its intermediate is told, one that does is not', async () => {
  const { certificatePem, keyPem } = await authority.intermediate().issue({ ips: ['127.0.0.1'], usages: ['server'] });
  await using whole = await listen({ certificatePem, keyPem });
  assert.deepEqual(codes(await from(whole.port)), []);
  await using bare = await listen({ certificatePem: certificatePem.slice(0, certificatePem.indexOf('-----END CERTIFICATE-----') + 26), keyPem });
  const { findings } = await from(bare.port);
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['issuer']]), [['way.intermediate', 'CN=Test intermediate']]);
});

test('a listener of a CA that is not known here is told', async () => {
  const other = await TestAuthority.make('Other');
  const { certificatePem, keyPem } = await other.issue({ ips: ['127.0.0.1'], usages: ['server'] });
  await using listener = await listen({ certificatePem: certificatePem + other.certificatePem, keyPem });
  assert.deepEqual(codes(await from(listener.port)), ['way.unknown-ca']);
});

test('a listener that has another name is told with the names that it has', async () => {
  await using listener = await listen(good);
  const { findings } = await from(listener.port, { name: 'logs.example.com' });
  assert.deepEqual(findings.map(({ code }) => code), ['way.server-name']);
  assert.match(findings[0]!.what, /DNS:localhost/);
});

test('a port where nobody listens, one that speaks no TLS, and one that hangs up, are told apart', async () => {
  const listener = await listen(good);
  await listener[Symbol.asyncDispose]();
  assert.deepEqual(codes(await from(listener.port)), ['way.refused']);
  await using plain = await serving(createPlain((socket) => socket.on('error', () => undefined).end('220 mail.example.com ESMTP\r\n')));
  assert.deepEqual(codes(await from(plain.port)), ['way.not-tls']);
  await using closing = await serving(createPlain((socket) => socket.on('error', () => undefined).destroy()));
  assert.deepEqual(codes(await from(closing.port)), ['way.cut']);
});

test('a name that does not resolve, and a target that is none', async () => {
  assert.deepEqual(codes(await examine(WAY_CHECKS, await wayOf({ ...wishes('logs.invalid:6514') }))), ['way.name-unknown']);
  await assert.rejects(wayOf(wishes('localhost')), (error: unknown) => error instanceof Refused && error.code === 'usage.address');
});

test('a sender whose certificate is over, and a listener that refuses one, are told', async () => {
  await using listener = await listen(good, { requestCert: true, rejectUnauthorized: true, ca: authority.certificatePem });
  assert.deepEqual(codes(await from(listener.port)), []);
  const stranger = identityDirectory('stranger', await (await TestAuthority.make('Other')).issue({ uris: ['spiffe://other/source/web-01'], usages: ['client'] }));
  assert.deepEqual(codes(await from(listener.port, { identity: stranger, ca: join(identity, 'ca.pem') })), ['way.not-accepted']);
  const old = identityDirectory('old', await authority.issue({ uris: ['spiffe://doctor/source/web-01'], usages: ['client'], fromDays: -60, toDays: -2 }));
  const { findings } = await from(listener.port, { identity: old });
  assert.deepEqual(findings.map(({ code }) => code), ['way.identity', 'way.not-accepted']);
  assert.ok(!JSON.stringify(findings).includes('PRIVATE KEY'));
});

test('a clock that is a year behind or ahead is told as that', async () => {
  await using listener = await listen(good, { requestCert: true, rejectUnauthorized: true, ca: authority.certificatePem });
  const behind = await from(listener.port, { nowMs: Date.now() - 300 * DAY_MS });
  assert.equal(codes(behind).includes('way.clock'), true);
  assert.match(behind.findings.find(({ code }) => code === 'way.certificate-not-yet-valid')!.why, /clock of this machine/);
  const ahead = await from(listener.port, { nowMs: Date.now() + 300 * DAY_MS });
  assert.match(ahead.findings.find(({ code }) => code === 'way.clock')!.what, /the clock here is ahead/);
});

const noNetwork = process.getuid?.() === 0 && spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset']).status === 0 ? false : 'there is no root, or no nft, to make a firewall in a network of its own';

test('a port that a firewall drops is told as one that does not answer', { skip: noNetwork }, () => {
  const command = join(import.meta.dirname, '../../bin/strongroom');
  const script = `ip link set lo up; nft add table inet t; nft 'add chain inet t i { type filter hook input priority 0; }'; nft add rule inet t i tcp dport 6514 drop; exec "${command}" doctor --to 127.0.0.1:6514 -o json`;
  const { status, stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', script], { encoding: 'utf8' });
  assert.equal(status, 4, stderr);
  assert.deepEqual(codes(JSON.parse(stdout) as Diagnosis), ['way.timeout']);
});

function codes({ findings }: Diagnosis): string[] {
  return findings.map(({ code }) => code);
}

function wishes(to: string, more: Partial<Parameters<typeof wayOf>[0]> = {}): Parameters<typeof wayOf>[0] {
  return { to, identity, ca: undefined, name: undefined, homeCa: join(directory, 'nowhere'), nowMs: Date.now(), ...more };
}

async function from(port: number, more: Partial<Parameters<typeof wayOf>[0]> = {}): Promise<Diagnosis> {
  return examine(WAY_CHECKS, await wayOf(wishes(`127.0.0.1:${port}`, more)));
}

function identityDirectory(name: string, { certificatePem, keyPem }: IssuedCertificate): string {
  const path = join(directory, name);
  mkdirSync(path);
  for (const [file, text] of [['cert.pem', certificatePem], ['key.pem', keyPem], ['ca.pem', authority.certificatePem]] as const) writeFileSync(join(path, file), text, { mode: 0o600 });
  return path;
}

interface Listening extends AsyncDisposable {
  readonly port: number;
}

function listen({ certificatePem, keyPem }: Pick<IssuedCertificate, 'certificatePem' | 'keyPem'>, options: TlsOptions = {}): Promise<Listening> {
  return serving(createServer({ cert: certificatePem, key: keyPem, minVersion: 'TLSv1.3', ...options }, (socket) => socket.on('error', () => undefined).resume()).on('tlsClientError', () => undefined));
}

async function serving(server: Server): Promise<Listening> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port, [Symbol.asyncDispose]: async () => {
      if (!server.listening) return;
      const closed = once(server.close(), 'close');
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

test('an address to which there is no way is told', { skip: process.getuid?.() === 0 && spawnSync('unshare', ['--net', 'true']).status === 0 ? false : 'there is no root to have a machine without a network' }, () => {
  const { stdout } = spawnSync('unshare', ['--net', join(import.meta.dirname, '../../bin/strongroom'), 'doctor', '--to', '203.0.113.77:6514', '-o', 'json'], { encoding: 'utf8' });
  const { findings } = JSON.parse(stdout) as Diagnosis;
  assert.deepEqual(findings.map(({ code, evidence }) => [code, evidence['error']]), [['way.unreachable', 'ENETUNREACH']]);
});

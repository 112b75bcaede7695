// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { X509Certificate, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { freePort, syslogNgMissing, unpackedSyslogNg } from '@strongroom/testing';
import { issueAuthority, issueCertificate, type Issuer } from './certificate.ts';
import { makeRequest, readRequest } from './csr.ts';
import { enrolmentFiles, makeKeyPair, publicKeyOf, type EnrolmentTarget } from './enrolment.ts';
import { pemEncode } from './pem.ts';

/** Only so that a hung peer ends the test; none depends on how fast it is. */
const PATIENCE_MS = 120_000;
const DAY_MS = 86_400_000;
const FROM = new Date(Date.now() - DAY_MS);
const UNTIL = new Date(Date.now() + 100 * DAY_MS);
const SERVER_NAME = 'test-berlin';

const folder = mkdtempSync(join(tmpdir(), 'strongroom-enrolment-'));
const children = new Set<ChildProcess>();
const closers: (() => void)[] = [];
after(() => {
  for (const child of children) child.kill();
  for (const close of closers) close();
  rmSync(folder, { recursive: true, force: true });
});
const missing = (command: string): string | false =>
  spawnSync(command, ['--version']).error === undefined ? false : `machine: ${command} is not installed`;
const withoutRsyslog = spawnSync('rsyslogd', ['-v']).error === undefined ? missing('logger') : 'machine: rsyslogd is not installed';
const withoutSyslogNg = syslogNgMissing() ?? false;

let issuer: Issuer;
let caPem: string;
before(async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signEcdsa = (message: Buffer): Buffer => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const certificate = await issueAuthority({ spki, organization: SERVER_NAME, commonName: 'Strongroom CA', notBefore: FROM, notAfter: UNTIL }, signEcdsa);
  issuer = { certificate, sign: signEcdsa };
  caPem = pemEncode('CERTIFICATE', certificate);
});

/** Enrols a source as the command line does, and writes its files to a folder. */
async function enrol(name: string, target: Partial<EnrolmentTarget>, kind: 'p256' | 'rsa4096' = 'p256'): Promise<string> {
  const directory = join(folder, name);
  const pair = await makeKeyPair(kind);
  const { spki } = readRequest(makeRequest(pair.privateKey, name));
  const certificate = await issueCertificate({
    spki, commonName: name, usages: ['client'], uris: [`spiffe://${SERVER_NAME}/source/${name}`], dns: [], ips: [], notBefore: FROM, notAfter: UNTIL,
  }, issuer);
  const files = enrolmentFiles(
    { source: name, address: '127.0.0.1', syslogPort: 6514, relpPort: 2514, serverName: SERVER_NAME, directory, ...target },
    { certificatePem: pemEncode('CERTIFICATE', certificate), privateKeyPem: pair.privateKeyPem, caPem },
  );
  mkdirSync(directory);
  for (const { name: file, mode, content } of files) writeFileSync(join(directory, file), content, { mode });
  return directory;
}

/** A server as the gateway is one: TLS 1.3, certificate required. */
async function listen(
  names: readonly string[], connection: (socket: TLSSocket) => void, { at = 0, refused }: { at?: number; refused?: () => void } = {},
): Promise<number> {
  const pair = await makeKeyPair();
  const certificate = await issueCertificate({ spki: pair.spki, commonName: 'gateway', usages: ['server'], uris: [], dns: names, ips: ['127.0.0.1'], notBefore: FROM, notAfter: UNTIL }, issuer);
  const server = createServer({
    cert: pemEncode('CERTIFICATE', certificate), key: pair.privateKeyPem, ca: caPem, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3',
  }, (socket) => {
    closers.push(() => socket.destroy());
    socket.on('error', () => undefined);
    connection(socket);
  });
  closers.push(() => server.close());
  if (refused !== undefined) server.on('tlsClientError', refused);
  server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function rsyslogMain(name: string, dropIn: string): string {
  const work = join(folder, `${name}-work`);
  mkdirSync(work, { recursive: true });
  const path = join(folder, `${name}.conf`);
  writeFileSync(path, [
    'module(load="imuxsock" SysSock.Use="off")', `global(workDirectory="${work}")`,
    `input(type="imuxsock" Socket="${join(work, 'log')}")`, `include(file="${dropIn}")`, `action(type="omfile" file="${join(work, 'local')}")`, '',
  ].join('\n'));
  return path;
}

/** Runs rsyslog, logs one line, and resolves when `seen` does. */
async function logThroughRsyslog(name: string, dropIn: string, seen: Promise<string>): Promise<string> {
  const socket = join(folder, `${name}-work`, 'log');
  const daemon = await startRsyslog(name, dropIn);
  spawnSync('logger', ['-u', socket, '-t', 'test', `hello from ${name}`]);
  const line = await seen;
  daemon.kill('SIGKILL'); // asked to end while its action fails, rsyslog at times tries on for ever
  await once(daemon, 'exit');
  return line;
}

async function startRsyslog(name: string, dropIn: string): Promise<ChildProcess> {
  const daemon = spawn('rsyslogd', ['-n', '-f', rsyslogMain(name, dropIn), '-i', join(folder, `${name}.pid`)], { stdio: 'ignore' });
  children.add(daemon);
  await appears(join(folder, `${name}-work`, 'log'), daemon);
  return daemon;
}

async function appears(socket: string, daemon: ChildProcess): Promise<void> {
  while (!existsSync(socket)) {
    assert.equal(daemon.exitCode, null, 'the daemon ended');
    await delay(20);
  }
}

const spiffe = (socket: TLSSocket): string => socket.getPeerX509Certificate()!.subjectAltName ?? '';

test('an enrolment holds certificate, key and CA, and the key stays private', async () => {
  const directory = await enrol('web-01', {});
  const files = enrolmentFiles({ source: 'x', address: 'logs', syslogPort: 1, relpPort: 2, serverName: 's', directory }, { certificatePem: 'C', caPem });
  assert.deepEqual(files.map(({ name, mode }) => [name, mode]), [
    ['cert.pem', 0o644], ['ca.pem', 0o644], ['rsyslog.conf', 0o644], ['rsyslog-relp.conf', 0o644], ['syslog-ng.conf', 0o644],
  ]);
  const [first, key] = enrolmentFiles({ source: 'x', address: 'logs', syslogPort: 1, relpPort: 2, serverName: 's', directory }, { certificatePem: 'C', privateKeyPem: 'K', caPem });
  assert.equal(first?.name, 'cert.pem');
  assert.deepEqual(key, { name: 'key.pem', mode: 0o600, content: 'K' });
});

test('an RSA pair has 4096 bits, and its public key is found from the private one', async () => {
  const pair = await makeKeyPair('rsa4096');
  assert.equal(pair.privateKey.asymmetricKeyDetails?.modulusLength, 4096);
  assert.deepEqual(publicKeyOf(pair.privateKeyPem), pair.spki);
  assert.throws(() => publicKeyOf('nothing'), { name: 'Refused', code: 'key.unreadable' });
});

for (const field of ['address', 'serverName', 'directory', 'source'] as const) {
  test(`refuses a ${field} that would act in a configuration file`, async () => {
    await assert.rejects(enrol('never', { [field]: 'x" action(type="omprog" binary="/bin/sh' }), { name: 'Refused', code: 'enrolment.text' });
  });
}

test('rsyslog accepts both of its configurations', { skip: withoutRsyslog }, async () => {
  const directory = await enrol('web-02', {});
  for (const file of ['rsyslog.conf', 'rsyslog-relp.conf']) {
    const { status, stderr } = spawnSync('rsyslogd', ['-N1', '-f', rsyslogMain(`check-${file}`, join(directory, file))], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /error|warning/i);
  }
});

for (const kind of ['p256', 'rsa4096'] as const) {
  test(`rsyslog delivers by syslog over TLS 1.3 with its certificate (${kind})`, { skip: withoutRsyslog, timeout: PATIENCE_MS }, async () => {
    const arrived = Promise.withResolvers<string>();
    const port = await listen([SERVER_NAME], (socket) => {
      let text = `${socket.getProtocol()} ${spiffe(socket)} `;
      socket.on('data', (data) => {
        text += data.toString();
        if (text.includes('hello from')) arrived.resolve(text);
      });
    });
    const directory = await enrol(`syslog-${kind}`, { syslogPort: port }, kind);
    const text = await logThroughRsyslog(`syslog-${kind}`, join(directory, 'rsyslog.conf'), arrived.promise);
    assert.match(text, new RegExp(`^TLSv1.3 URI:spiffe://test-berlin/source/syslog-${kind} \\d+ <13>1 \\d{4}-`));
    });
}

test('rsyslog does not talk to a server that has another name', { skip: withoutRsyslog, timeout: PATIENCE_MS }, async () => {
  const closed = Promise.withResolvers<string>();
  let text = '';
  const end = (): void => closed.resolve(text);
  const port = await listen(['other-deployment'], (socket) => {
    socket.on('data', (data) => { text += data.toString(); });
    socket.on('close', end);
  }, { refused: end }); // its reset may overtake the end of the handshake
  const directory = await enrol('misled', { syslogPort: port });
  assert.equal(await logThroughRsyslog('misled', join(directory, 'rsyslog.conf'), closed.promise), '');
});

test('rsyslog delivers by RELP over TLS 1.3 with its certificate', { skip: withoutRsyslog, timeout: PATIENCE_MS }, async () => {
  const arrived = Promise.withResolvers<string>();
  const port = await listen([SERVER_NAME], (socket) => {
    const protocol = `${socket.getProtocol()} ${spiffe(socket)} `;
    answerRelp(socket, (message) => arrived.resolve(protocol + message));
  });
  const directory = await enrol('relp', { relpPort: port });
  const text = await logThroughRsyslog('relp', join(directory, 'rsyslog-relp.conf'), arrived.promise);
  assert.match(text, /^TLSv1.3 URI:spiffe:\/\/test-berlin\/source\/relp <13>1 .* hello from relp/);
});

/** As little RELP as a client needs: transaction number, command, length, data; every one is answered. */
function answerRelp(socket: TLSSocket, message: (text: string) => void): void {
  let text = '';
  socket.on('data', (data) => {
    text += data.toString('latin1');
    for (;;) {
      const [header, number, command, length] = /^\n?(\d+) (\w+) (\d+) ?/.exec(text) ?? [];
      if (header === undefined || text.length < header.length + Number(length)) return;
      const body = text.slice(header.length, header.length + Number(length));
      text = text.slice(header.length + body.length);
      const answer = command === 'open' ? '200 OK\nrelp_version=0\nrelp_software=test\ncommands=syslog' : '200 OK';
      socket.write(`${number} rsp ${answer.length} ${answer}\n`);
      if (command === 'syslog') message(body);
      if (command === 'close') socket.end('0 serverclose 0\n');
    }
  });
}

test('what rsyslog could not send waits in files, also while rsyslog itself is stopped', { skip: withoutRsyslog, timeout: PATIENCE_MS }, async () => {
  const lines = Array.from({ length: 500 }, (_, index) => `waiting line ${index}.`);
  const port = await freePort();
  const dropIn = join(await enrol('patient', { syslogPort: port }), 'rsyslog.conf');
  const work = join(folder, 'patient-work');
  const first = await startRsyslog('patient', dropIn);
  spawnSync('logger', ['-u', join(work, 'log'), '-t', 'test'], { input: lines.join('\n') });
  while (!existsSync(join(work, 'local')) || !lines.every((line) => readFileSync(join(work, 'local'), 'utf8').includes(line))) await delay(20);
  first.kill();
  await once(first, 'exit');
  assert.ok(existsSync(join(work, 'strongroom.qi')));

  const arrived = Promise.withResolvers<void>();
  let text = '';
  await listen([SERVER_NAME], (socket) => socket.on('data', (data) => {
    text += data.toString();
    if (lines.every((line) => text.includes(line))) arrived.resolve();
  }), { at: port });
  const second = await startRsyslog('patient', dropIn);
  await arrived.promise;
  second.kill();
  await once(second, 'exit');
});

test('syslog-ng delivers by syslog over TLS 1.3 with its certificate', { skip: withoutSyslogNg, timeout: PATIENCE_MS }, async () => {
  const arrived = Promise.withResolvers<string>();
  const port = await listen(['localhost'], (socket) => {
    let text = `${socket.getProtocol()} ${spiffe(socket)} `;
    socket.on('data', (data) => {
      text += data.toString();
      if (text.includes('hello')) arrived.resolve(text);
    });
  });
  const directory = await enrol('ng', { syslogPort: port });
  const work = join(folder, 'ng-work');
  mkdirSync(work);
  const main = join(work, 'main.conf');
  writeFileSync(main, `@version: 3.38\nsource s_src { unix-dgram("${work}/log"); };\n@include "${directory}/syslog-ng.conf"\n`);
  const check = runSyslogNg(work, main, '-s');
  const [status] = (await once(check, 'exit')) as [number];
  assert.equal(status, 0);
  const daemon = runSyslogNg(work, main, '-F');
  await appears(join(work, 'log'), daemon);
  spawnSync('logger', ['-u', join(work, 'log'), '-t', 'test', 'hello']);
  assert.match(await arrived.promise, /^TLSv1.3 URI:spiffe:\/\/test-berlin\/source\/ng \d+ <13>1 /);
  daemon.kill();
  await once(daemon, 'exit');
});

function runSyslogNg(work: string, main: string, mode: string): ChildProcess {
  const { program, environment } = unpackedSyslogNg();
  const child = spawn(program, [
    mode, '-f', main, '--no-caps', `--persist-file=${work}/persist`, `--pidfile=${work}/pid`, `--control=${work}/ctl`,
  ], { stdio: ['ignore', 'ignore', 'inherit'], env: environment });
  children.add(child);
  return child;
}

test('a certificate of an enrolment names the source and nothing else', async () => {
  const directory = await enrol('web-03', {});
  const certificate = new X509Certificate(readFileSync(join(directory, 'cert.pem')));
  assert.equal(certificate.subjectAltName, 'URI:spiffe://test-berlin/source/web-03');
  assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(join(directory, 'key.pem')))));
});

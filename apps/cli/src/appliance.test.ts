// SPDX-License-Identifier: Apache-2.0
// The command against a whole Strongroom: real services, real sockets, real keys.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Appliance, eventually, type CommandResult } from '@strongroom/testing';
import type { Item } from '@strongroom/evidence';
import type { Sample } from './top/model.ts';
import type { Verification } from './verbs/verify.ts';

const appliance = new Appliance();
let web: string;
before(async () => {
  await appliance.start();
  web = await appliance.enrol('web-01');
});
after(() => appliance.stop());

const cli = (...words: string[]): Promise<CommandResult> => appliance.cli(...words);

/** One value of a command that succeeds. */
async function value<T>(...words: string[]): Promise<T> {
  const { code, stdout, stderr } = await cli(...words, '-o', 'json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

/** To be asked for a source or a kind: each search is a record itself, with its text, and may find that. */
async function search(...words: string[]): Promise<Item[]> {
  const { code, stdout, stderr } = await cli('search', ...words, '-o', 'jsonl');
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Item);
}

/** Sends messages as a producer does, octet-counted, and waits until a search finds the last one. */
async function send(directory: string, messages: readonly (string | Buffer)[], last: string): Promise<void> {
  const [host, port] = appliance.addresses['syslog-tls']!.split(':');
  const socket = connect({
    host: host!, port: Number(port), servername: 'localhost',
    ca: readFileSync(join(directory, 'ca.pem')), cert: readFileSync(join(directory, 'cert.pem')), key: readFileSync(join(directory, 'key.pem')),
  });
  await new Promise((done, failed) => socket.once('secureConnect', done).once('error', failed));
  for (const message of messages) {
    socket.write(`${Buffer.byteLength(message)} `);
    socket.write(message);
  }
  socket.end();
  while ((await search(last, '--kind', 'data', '--limit', '1')).length === 0) await delay(20);
}

const facts = async (): Promise<{ log: { size: number; rootHash: string; vkey: string; checkpointAt: string }; records: number; services: { name: string; pid: number; state: string }[] }> => value('status');

test('status tells what was promised, and in a calm screen that all is well', async () => {
  const status = await facts();
  assert.ok(status.log.size > 0 && status.records > 0);
  assert.equal(status.log.vkey, (await cli('vkey')).stdout.trim());
  assert.deepEqual(['vault', 'gateway', 'keys'].map((name) => status.services.find((one) => one.name === name)?.state), ['running', 'running', 'running']);
  for (const { name, pid } of status.services.filter((one) => one.name !== 'supervisor')) {
    assert.ok(readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`apps/${name}/`), name);
  }
  const { stdout } = await cli('status');
  assert.match(stdout, /^Strongroom is running\. See the notes below\.\n/);
  assert.match(stdout, /^! No witnesses are configured: /m);
  assert.match(stdout, /^syslog-tls +127\.0\.0\.1:\d+$/m);
});

test('log-dir and vkey are what other tools read the log with', async () => {
  const directory = (await cli('log-dir')).stdout.trim();
  assert.ok(existsSync(join(directory, 'checkpoint')));
  assert.equal((await value<{ logDir: string }>('log-dir')).logDir, directory);
  assert.match((await value<{ vkey: string }>('vkey')).vkey, /^\S+\/log\+[0-9a-f]{8}\+\S+$/);
});

test('enrol writes a directory that can be used as it is', () => {
  assert.deepEqual(readdirSync(web).toSorted(), ['ca.pem', 'cert.pem', 'key.pem', 'rsyslog-relp.conf', 'rsyslog.conf', 'syslog-ng.conf']);
  assert.equal(statSync(join(web, 'key.pem')).mode & 0o777, 0o600);
  const certificate = new X509Certificate(readFileSync(join(web, 'cert.pem')));
  assert.match(certificate.subjectAltName ?? '', /^URI:spiffe:\/\/[^/]+\/source\/web-01$/);
  assert.ok(certificate.verify(new X509Certificate(readFileSync(join(web, 'ca.pem'))).publicKey));
  const [host, port] = appliance.addresses['syslog-tls']!.split(':');
  assert.match(readFileSync(join(web, 'rsyslog.conf'), 'utf8'), new RegExp(`target="${host}" port="${port}"`));
  assert.ok(readFileSync(join(web, 'rsyslog-relp.conf'), 'utf8').includes(`tls.myPrivKey="${web}/key.pem"`));
});

test('enrol replaces nothing unasked: neither files nor an enrolment', async () => {
  const key = readFileSync(join(web, 'key.pem'), 'utf8');
  const files = await cli('enrol', 'web-01', '--out', web);
  assert.deepEqual([files.code, /\[enrol\.exists\]/.test(files.stderr)], [1, true]);
  const elsewhere = join(appliance.home, '../elsewhere');
  const enrolled = await cli('enrol', 'web-01', '--out', elsewhere);
  assert.deepEqual([enrolled.code, /\[supervisor\.enrolled\]/.test(enrolled.stderr), existsSync(elsewhere)], [1, true, false]);
  assert.equal(readFileSync(join(web, 'key.pem'), 'utf8'), key);
  await appliance.enrol('web-replaced');
  const replaced = join(appliance.home, '../enrolled/web-replaced');
  const before = readFileSync(join(replaced, 'key.pem'), 'utf8');
  assert.equal((await cli('enrol', 'web-replaced', '--out', replaced, '--force')).code, 0);
  assert.notEqual(readFileSync(join(replaced, 'key.pem'), 'utf8'), before);
});

test('enrol makes RSA keys, takes signing requests, and writes the target that it is told', async () => {
  const rsa = await appliance.enrol('web-rsa', '--rsa', '4096', '--address', 'logs.example.com:16514', '--relp-port', '12514', '--install-dir', '/etc/strongroom');
  assert.equal(new X509Certificate(readFileSync(join(rsa, 'cert.pem'))).publicKey.asymmetricKeyDetails?.modulusLength, 4096);
  assert.match(readFileSync(join(rsa, 'rsyslog-relp.conf'), 'utf8'), /target="logs\.example\.com" port="12514"[^]*tls\.myCert="\/etc\/strongroom\/cert\.pem"/);
  const own = join(appliance.home, '../own');
  mkdirSync(own);
  const openssl = spawnSync('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(own, 'own.key'), '-out', join(own, 'own.csr'), '-subj', '/CN=x']);
  assert.equal(openssl.status, 0, openssl.stderr.toString());
  const made = await value<{ files: string[]; keyHash: string }>('enrol', 'web-csr', '--csr', join(own, 'own.csr'), '--out', join(own, 'out'));
  assert.ok(!made.files.includes('key.pem') && !existsSync(join(own, 'out/key.pem')));
  const spki = new X509Certificate(readFileSync(join(own, 'out/cert.pem'))).publicKey.export({ type: 'spki', format: 'der' });
  assert.equal(made.keyHash, createHash('sha256').update(spki).digest('hex'));
});

test('search finds what was sent, byte for byte and in order, by every condition', async () => {
  const odd = Buffer.concat([Buffer.from('<13>1 - - - - - - '), Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x80])]);
  const messages = ['<34>1 - web-01 sshd - - - Failed password for root', '<34>1 - web-01 sshd - - - Accepted publickey \u001b[31m for anna', odd, '<13>1 - - - - - - line one\nline two', '<13>1 - - - - - - the last of search'];
  await send(web, messages, 'the last of search');
  const found = (await search('--source', 'web-01')).filter(({ kind }) => kind === 'data');
  assert.deepEqual(found.map((item) => Buffer.from(item.raw ?? item.rawBase64!, item.raw === undefined ? 'base64' : 'utf8')), messages.map((message) => Buffer.from(message)));
  assert.deepEqual(found.map(({ sequence }) => sequence), [0, 1, 2, 3, 4]);
  assert.deepEqual([...new Set(found.map(({ protocol }) => protocol))], ['syslog-tls']);
  assert.equal((await search('failed password', '--source', 'web-01')).length, 0);
  const count = async (...words: string[]): Promise<number> => (await search('--source', found[0]!.source, ...words)).length;
  assert.equal(await count('failed password', '-i'), 1);
  assert.equal(await count('-E', 'Accepted \\w+'), 1);
  assert.equal(await count('-E', 'accepted \\w+', '-i'), 1);
  assert.equal(await count('--stream', found[0]!.stream, '--kind', 'data'), 5);
  assert.equal(await eventually(() => count('--kind', 'end'), (ends) => ends > 0, 'the end of the stream'), 1);
  assert.equal(await count('--limit', '2'), 2);
  assert.equal(await count('--protocol', 'relp-tls'), 0);
  assert.equal(await count('--since', '1h', '--kind', 'data'), 5);
  assert.equal(await count('--until', '1h'), 0);
  assert.equal(await count('--since', found[0]!.receivedAt, '--kind', 'data'), 5);
});

test('search writes a table without anything that acts on a terminal, and one JSON array', async () => {
  const { stdout, stderr } = await cli('search', 'Accepted publickey', '--source', 'web-01');
  assert.match(stdout, /^\d+-1 +2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z {2}web-01 {4}<34>1 - web-01 sshd - - - Accepted publickey \\e\[31m for anna\n$/);
  assert.equal(stderr, '');
  assert.equal((await value<Item[]>('search', '--source', 'web-01', '--kind', 'data')).length, 5);
  assert.deepEqual(await value<Item[]>('search', 'nothing has this text in it', '--source', 'web-01'), []);
});

test('show, prove and verify-proof lead from a record to the signature', async () => {
  const [item] = await search('Failed password for root', '--source', 'web-01');
  const shown = await value<{ raw: string; receipt: { sourceKey: string; unreliable: boolean; asserter: string }; batch: { kind: string; records: number } }>('show', item!.id);
  const spki = new X509Certificate(readFileSync(join(web, 'cert.pem'))).publicKey.export({ type: 'spki', format: 'der' });
  assert.deepEqual([shown.raw, shown.receipt.sourceKey, shown.receipt.unreliable, shown.batch.kind], [item!.raw, createHash('sha256').update(spki).digest('hex'), false, 'batch']);
  assert.match(shown.receipt.asserter, /\/service\/gateway$/);
  assert.match((await cli('show', item!.id)).stdout, /^<34>1 - web-01 sshd - - - Failed password for root\n\nReceipt\n {2}received {2}/);
  const file = join(appliance.home, '../p.json');
  assert.deepEqual(await value('prove', item!.id, '--out', file), { id: item!.id, file });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const proven = await value<{ ok: boolean; raw: string }>('verify-proof', file);
  assert.deepEqual([proven.ok, proven.raw], [true, item!.raw]);
  const printed = await cli('prove', item!.id);
  assert.equal((await appliance.cliWith({ input: printed.stdout }, 'verify-proof', '-')).code, 0);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"raw": "./, '"raw": "/'));
  assert.equal((await cli('verify-proof', file)).code, 3);
  assert.match((await cli('show', '999999-0')).stderr, /\[read\.no-record\]/);
});

test('tap shows records as they pass, and ends in order', async () => {
  const { STRONGROOM_HOME, STRONGROOM_CONFIG } = appliance.environment;
  const child = spawn(join(import.meta.dirname, '../bin/strongroom'), ['tap', '--source', 'web-01', 'tapped', '-o', 'jsonl'], { env: { ...process.env, STRONGROOM_HOME, STRONGROOM_CONFIG } });
  let taken = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => { taken += text; });
  while ((await search('"tap"', '--source', 'service/vault')).length === 0) await delay(20);
  await send(web, ['<13>1 - - - - - - not this one', '<13>1 - - - - - - tapped one', '<13>1 - - - - - - tapped two'], 'tapped two');
  while (taken.split('\n').length < 3) await delay(20);
  child.kill('SIGINT');
  assert.equal(await new Promise((done) => child.once('close', done)), 0);
  assert.deepEqual(taken.trim().split('\n').map((line) => (JSON.parse(line) as Item).raw), ['<13>1 - - - - - - tapped one', '<13>1 - - - - - - tapped two']);
});

test('every reading is itself a record', async () => {
  const read = await search('--source', 'service/vault', '"vault.reading"');
  assert.ok(read.some(({ raw }) => raw?.includes('tapped') === true && raw.includes('reader/operator')));
});

function connectionsOf({ sources }: Sample): number | undefined {
  return sources.find(({ source }) => source === 'web-01')?.connections;
}

test('top gives a sample of a second, as JSON and as a screen', async () => {
  const sample = await eventually(() => value<Sample>('top', '--once'), (now) => connectionsOf(now) === 0, 'the connections of web-01 to be over');
  assert.deepEqual(sample.states, {});
  assert.ok(sample.records > 0 && sample.eventsPerSecond !== null);
  const web01 = sample.sources.find(({ source }) => source === 'web-01');
  assert.deepEqual([web01?.connections, web01?.waitingBytes], [0, 0]);
  const { stdout } = await cli('top', '--once');
  assert.match(stdout, /^strongroom top {2}\S+\/log {2}running/);
  assert.match(stdout, /^SOURCE +EVENTS\/S +ACKED +LAG +WAITING +CONN$/m);
  assert.match(stdout, /^web-01 +0 /m);
  const noTerminal = await cli('top');
  assert.deepEqual([noTerminal.code, /\[usage\.no-terminal\]/.test(noTerminal.stderr)], [2, true]);
});

test('verify checks a live store, contents and all, and a snapshot of it', async () => {
  const verdict = await value<Verification>('verify');
  assert.deepEqual([verdict.ok, verdict.contents, verdict.failures], [true, 'checked', []]);
  const copy = join(appliance.home, '../copy');
  const { logSize } = await value<{ logSize: number }>('snapshot', copy);
  await send(web, ['<13>1 - - - - - - sent after the snapshot'], 'sent after the snapshot');
  const copied = await value<Verification>('verify', '--store', copy);
  assert.deepEqual([copied.ok, copied.logSize, copied.contents, copied.uncommittedBytes], [true, logSize, 'checked', 0]);
  const checkpoint = join((await cli('log-dir')).stdout.trim(), 'checkpoint');
  const older = await cli('verify', '--store', copy, '--checkpoint', checkpoint, '-o', 'json');
  assert.deepEqual([older.code, (JSON.parse(older.stdout) as Verification).failures.map(({ code }) => code)], [3, ['store.rollback']]);
});

test('a reader reads with an identity of their own, and a source may not', async () => {
  const anna = await appliance.enrol('anna', '--role', 'reader');
  assert.deepEqual(readdirSync(anna).toSorted(), ['ca.pem', 'cert.pem', 'key.pem']);
  assert.equal((await search('tapped one', '--source', 'web-01', '--identity', anna)).length, 1);
  const refused = await cli('search', 'tapped one', '--identity', web);
  assert.deepEqual([refused.code, refused.stdout, /\[read\.not-permitted\]/.test(refused.stderr)], [1, '', true]);
  await value('revoke', 'anna', '--role', 'reader', '--reason', 'left');
  assert.match((await cli('search', 'x', '--identity', anna)).stderr, /\[read\.not-permitted\]/);
});

test('sources lists who is enrolled, and revoked ones when asked', async () => {
  await appliance.enrol('web-revoked');
  assert.match((await cli('revoke', 'web-revoked', '--reason', 'machine retired')).stdout, /^source web-revoked is revoked/);
  assert.match((await cli('revoke', 'web-revoked', '--reason', 'again')).stderr, /\[supervisor\.already-revoked\]/);
  assert.match((await cli('revoke', 'nobody', '--reason', 'x')).stderr, /\[supervisor\.not-enrolled\]/);
  assert.ok(!(await value<{ name: string }[]>('sources')).some(({ name }) => name === 'web-revoked'));
  const revoked = (await value<{ name: string; reason: string; revokedAt: string }[]>('sources', '--revoked')).find(({ name }) => name === 'web-revoked');
  assert.equal(revoked?.reason, 'machine retired');
  assert.match((await cli('sources', '--revoked')).stdout, /^web-revoked +source .* revoked \S+ \S+: machine retired$/m);
});

const NOBODY = { skip: process.getuid?.() === 0 ? false : 'needs root to become somebody else' };

test('an enrolled reader needs no right on the machine but their own key', NOBODY, async () => {
  const berta = await appliance.enrol('berta', '--role', 'reader');
  for (const file of readdirSync(berta)) chownSync(join(berta, file), 65_534, 65_534);
  const { status, stderr, stdout } = asNobody(['search', 'tapped one', '--source', 'web-01', '--identity', berta, '-o', 'jsonl']);
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as Item).raw, '<13>1 - - - - - - tapped one');
});

test('somebody else is told which right is missing', NOBODY, () => {
  for (const [words, code] of [[['search', 'x'], 'read.not-permitted'], [['status'], 'control.not-permitted'], [['verify'], 'file.eacces']] as const) {
    const { status, stderr } = asNobody(words);
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^strongroom: .+\n {2}why: .+\n {2}do: {2}.+\n$/);
    assert.ok(stderr.includes(`[${code}]`), stderr);
  }
});

test('status says degraded with 4 while a service is away, and 1 when nothing runs; verify needs no service', async () => {
  const [pid] = await appliance.kill('gateway');
  const { code } = await cli('status');
  assert.ok(code === 4 || (await facts()).services.find(({ name }) => name === 'gateway')?.pid !== pid);
  await appliance.until(({ services }) => services.every(({ state }) => state === 'running'), 'the gateway to come back');
  assert.equal(await appliance.halt(), 0);
  const stopped = await cli('status', '-o', 'json');
  assert.equal(stopped.code, 1);
  assert.equal((JSON.parse(stopped.stderr) as { error: { code: string } }).error.code, 'control.not-running');
  const verdict = await value<Verification>('verify');
  assert.deepEqual([verdict.ok, verdict.contents, verdict.uncommittedBytes], [true, 'checked', 0]);
});

function asNobody(words: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', join(import.meta.dirname, '../bin/strongroom'), ...words], { encoding: 'utf8', env: appliance.environment });
}

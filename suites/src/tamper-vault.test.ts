// SPDX-License-Identifier: Apache-2.0
// The store of a real vault, through a kill and a restart: verified while it runs, then by everyone who can, then
// tampered with in every way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { parseChecksums, parseVkey, verifyStore, type Verdict } from '@strongroom/evidence';
import { memoryStore, startAppliance, type Appliance } from '@strongroom/testing';
import { withoutGo } from './go-programs.ts';
import { outsideVerifiers } from './outside-verifiers.ts';
import { missingForReader, recordsIn, runReader } from './second-reader.ts';
import { readFiles, tampered, type Files } from './tampered-files.ts';
import { tamperings } from './tampering.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const MESSAGES = 3000;

describe('the store of a real vault', () => {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-tamper-'));
  const sent: string[] = [];
  let appliance: Appliance;
  let files: Files;
  let vkey: string;

  before(async () => {
    appliance = await startAppliance();
    await fill(appliance, sent);
  });
  after(async () => {
    await appliance.stop();
    rmSync(directory, { recursive: true });
  });

  it('verifies while records arrive, contents included', async () => {
    const enrolled = await appliance.enrol('busy');
    const socket = await connected(appliance, enrolled);
    const sending = setInterval(() => socket.write(Array.from({ length: 50 }, (_, i) => framed(`<13>1 - - - - - - busy ${i}`)).join('')), 20);
    try {
      for (let i = 0; i < 3; i += 1) assertValid(await verify(appliance));
    } finally {
      clearInterval(sending);
      socket.end();
    }
  });

  it('verifies after it was stopped', async () => {
    await appliance.halt();
    const verdict = await verify(appliance);
    assertValid(verdict);
    assert.equal(verdict.uncommittedBytes, 0);
    assert.ok(verdict.segments > 1 && verdict.records > sent.length);
    assert.ok(verdict.facts.some((fact) => fact.code === 'segment.torn'), 'the kill left a torn segment');
    cpSync(appliance.paths.store, join(directory, 'store'), { recursive: true });
    files = readFiles(join(directory, 'store'));
    vkey = (await appliance.cli('vkey')).stdout;
    writeFileSync(join(directory, 'vkey'), vkey);
  });

  it('is a log to verifiers that nobody here wrote', { skip: withoutGo() ?? false }, () => {
    const { logSize } = plain(files, vkey);
    const verifiers = outsideVerifiers();
    const said = verifiers.map((verifier) => verifier.verify(join(directory, 'store/log'), join(directory, 'vkey')));
    assert.deepEqual(said, verifiers.map(() => logSize));
  });

  it('is read and decrypted by the second reader, with the token', { skip: missingForReader() ?? false }, () => {
    const { paths } = appliance;
    const keys = ['--keys', paths.dataKeys, '--module', MODULE, '--token', 'strongroom', '--pin-file', join(paths.keysToken, 'pin')];
    const environment = { SOFTHSM2_CONF: join(paths.keysToken, 'softhsm2.conf') };
    const { code, stdout, stderr } = runReader('reader.py', [join(directory, 'store'), '--vkey', join(directory, 'vkey'), ...keys, '--records'], environment);
    assert.equal(code, 0, stderr);
    const records = recordsIn(stdout);
    const verdict = plain(files, vkey);
    assert.deepEqual([JSON.parse(stderr).records, records.length], [verdict.records, verdict.records]);
    const found = records.filter((record) => record.source.endsWith('/source/sender') && record.kind === 'data').map((record) => Buffer.from(record.raw, 'base64').toString());
    assert.deepEqual(found, sent);
  });

  it('names every tampering', async (t) => {
    const key = parseVkey(vkey);
    const checksums = parseChecksums(readFileSync(join(appliance.paths.vaultState, 'checksums'), 'utf8'));
    const remembered = [readFileSync(join(appliance.paths.vaultState, 'remembered'), 'utf8')];
    assert.deepEqual(verifyStore(memoryStore(files), { key, checksums, remembered }).failures, []);
    for (const tampering of tamperings({ files, key })) {
      await t.test(tampering.name, () => {
        const { failures } = verifyStore(memoryStore(tampered(files, tampering)), { key, checksums, remembered });
        assert.ok(failures.some((failure) => failure.code === tampering.code), `${tampering.code} is not among ${JSON.stringify(failures)}`);
      });
    }
  });
});

function plain(files: Files, vkey: string): Verdict {
  return verifyStore(memoryStore(files), { key: parseVkey(vkey) });
}

async function verify(appliance: Appliance): Promise<Verdict> {
  const { stdout, stderr } = await appliance.cli('verify', '-o', 'json');
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Verdict;
}

function assertValid(verdict: Verdict): void {
  assert.deepEqual(verdict.failures, []);
  assert.deepEqual([verdict.ok, verdict.contents], [true, 'checked']);
}

/** Sends messages of one source, with the vault killed between: the store gets several segments, one of them torn. */
async function fill(appliance: Appliance, sent: string[]): Promise<void> {
  const enrolled = await appliance.enrol('sender');
  for (let round = 0; round < 3; round += 1) {
    const socket = await connected(appliance, enrolled);
    const messages = Array.from({ length: MESSAGES }, (_, i) => `<13>1 2026-09-21T14:13:20Z web-01 app - - - message ${round}-${i} ${'x'.repeat(i % 300)}`);
    socket.write(messages.map(framed).join(''));
    socket.end();
    sent.push(...messages);
    await sealed(appliance, sent.length);
    if (round === 1) await appliance.kill('vault');
    await appliance.until(({ services }) => services.every(({ state }) => state === 'running'), 'the vault to be back');
  }
}

/** RFC 5425. */
function framed(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`;
}

async function connected(appliance: Appliance, enrolled: string): Promise<TLSSocket> {
  const [host = '', port = ''] = appliance.addresses['syslog-tls']!.split(/:(?=[0-9]+$)/);
  const read = (name: string): Buffer => readFileSync(join(enrolled, name));
  const socket = connect({ host, port: Number(port), cert: read('cert.pem'), key: read('key.pem'), ca: read('ca.pem') });
  await once(socket, 'secureConnect');
  socket.resume().on('error', () => undefined);
  return socket;
}

async function sealed(appliance: Appliance, count: number): Promise<void> {
  for (;;) {
    const { stdout } = await appliance.cli('search', '--source', 'sender', '--kind', 'data', '-o', 'jsonl');
    if (stdout.split('\n').length - 1 >= count) return;
    await delay(200);
  }
}

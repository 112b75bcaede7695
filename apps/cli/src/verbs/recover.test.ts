// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodeOrderFile } from '@strongroom/evidence';
import { layout } from '@strongroom/service';
import { StoreBuilder, TestAuthority, makeCustodian, writeFiles, type BuiltStore } from '@strongroom/testing';
import { memoryIo } from '../memory-io.ts';
import { run } from '../run.ts';
import { VERBS } from './index.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-recover-'));
after(() => rmSync(root, { recursive: true, force: true }));
let authority: TestAuthority;
let older: BuiltStore;
let newer: BuiltStore;
let registry = '';
before(async () => {
  authority = await TestAuthority.make();
  const custodians = [await makeCustodian(authority, 'd', 'anna'), await makeCustodian(authority, 'd', 'bert')];
  for (const { name, certificatePem, keyPem } of custodians) writeFiles(join(root, name), new Map([['cert.pem', certificatePem], ['key.pem', keyPem], ['ca.pem', authority.certificatePem]].map(([file, text]) => [file!, Buffer.from(text!)])));
  registry = JSON.stringify({ sources: {}, readers: {}, custodians: Object.fromEntries(custodians.map(({ name, enrolment }) => [name, enrolment])) });
  const builder = new StoreBuilder({ origin: 'd/log' });
  for (let i = 0; i < 10; i += 1) builder.heartbeat();
  older = builder.build();
  newer = builder.heartbeat().heartbeat().build();
});

/** A home whose store has 10 entries, where 12 were seen. */
function home(): string {
  const path = mkdtempSync(join(root, 'home-'));
  writeFiles(join(path, 'store'), older.files);
  writeFiles(join(path, 'state'), new Map([['vault/vkey', older.vkey], ['vault/remembered', newer.checkpoint], ['vault/checksums', ''], ['deployment', 'd\n'], ['registry.json', registry], ['ca.pem', authority.certificatePem]].map(([name, text]) => [name!, Buffer.from(text!)])));
  return path;
}

async function strongroom(at: string, ...words: readonly string[]) {
  const io = memoryIo({ now: BigInt(Date.now()) * 1_000_000n });
  const code = await run([...words, '--home', at], VERBS, io);
  return { code, ...io.written };
}

async function ordered(at: string, ...custodians: readonly string[]): Promise<string> {
  const file = join(at, 'rollback.order');
  assert.equal((await strongroom(at, 'order', 'accept-rollback', file, '--reason', 'the disk is lost')).code, 0);
  for (const name of custodians) assert.equal((await strongroom(at, 'approve', file, '--identity', join(root, name))).code, 0);
  return file;
}

test('an accepted rollback moves the old log aside, whole, and names the new one', async () => {
  const at = home();
  const paths = layout(at);
  const file = await ordered(at, 'anna', 'bert');
  const accepted = await strongroom(at, 'recover', '--accept-rollback', file, '-o', 'json');
  assert.equal(accepted.code, 0, accepted.err);
  const { order } = decodeOrderFile(readFileSync(file));
  const aside = join(paths.rollbacks, order.id);
  assert.deepEqual(JSON.parse(accepted.out), { origin: 'd/log', store: `${paths.store}.1`, vkey: join(aside, 'vault/vkey'), next: 'd/log-2', lost: 2 });
  assert.deepEqual([readFileSync(paths.logName, 'utf8'), existsSync(paths.store), readdirSync(paths.vaultState)], ['d/log-2\n', false, ['acceptance']]);
  assert.ok(readFileSync(join(paths.vaultState, 'acceptance')).equals(readFileSync(file)));
  assert.equal(readFileSync(join(aside, 'vault/remembered'), 'utf8'), newer.checkpoint);
  const old = await strongroom(at, 'verify', '--store', `${paths.store}.1`, '--vkey', join(aside, 'vault/vkey'), '-o', 'json');
  assert.equal(old.code, 0, old.out);
  assert.equal((await strongroom(at, 'recover', '--accept-rollback', file)).code, 0, 'once more changes nothing');
});

test('a crash at any step is got over by the same command', async () => {
  const done = home();
  const file = await ordered(done, 'anna', 'bert');
  await strongroom(done, 'recover', '--accept-rollback', file);
  for (const undo of [
    (paths: ReturnType<typeof layout>) => renameSync(`${paths.store}.1`, paths.store),
    (paths: ReturnType<typeof layout>) => rmSync(join(paths.vaultState, 'acceptance')),
    (paths: ReturnType<typeof layout>) => renameSync(join(paths.rollbacks, readdirSync(paths.rollbacks)[0]!, 'vault/remembered'), join(paths.vaultState, 'remembered')),
    (paths: ReturnType<typeof layout>) => rmSync(paths.logName),
  ]) {
    undo(layout(done));
    assert.equal((await strongroom(done, 'recover', '--accept-rollback', file)).code, 0);
    const paths = layout(done);
    assert.deepEqual([readFileSync(paths.logName, 'utf8'), existsSync(paths.store), readdirSync(paths.vaultState), existsSync(`${paths.store}.1/log/checkpoint`)], ['d/log-2\n', false, ['acceptance'], true]);
  }
});

test('one custodian, another rollback, or nothing lost changes nothing', async () => {
  const at = home();
  const file = await ordered(at, 'anna');
  assert.match((await strongroom(at, 'recover', '--accept-rollback', file)).err, /\[order\.approvals\]/);
  await strongroom(at, 'approve', file, '--identity', join(root, 'bert'));
  const paths = layout(at);
  writeFileSync(join(paths.vaultState, 'remembered'), older.checkpoint);
  assert.match((await strongroom(at, 'recover', '--accept-rollback', file)).err, /\[order\.no-rollback\]/);
  writeFileSync(join(paths.vaultState, 'remembered'), older.signCheckpoint(13, Buffer.alloc(32)));
  assert.match((await strongroom(at, 'recover', '--accept-rollback', file)).err, /\[recover\.other\]/);
  assert.ok(existsSync(paths.log) && !existsSync(paths.logName) && !existsSync(paths.rollbacks));
  assert.match((await strongroom(at, 'recover')).err, /\[usage\.recover\]/);
});

// SPDX-License-Identifier: Apache-2.0
// `verify` over stores on disk that were built with keys in software; the HSM's part is in the end-to-end suites.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildStore, makeResponse, stampingIdentity, writeFiles, type BuiltStore } from '@strongroom/testing';
import { memoryIo } from '../memory-io.ts';
import { run } from '../run.ts';
import { VERBS } from './index.ts';
import type { Verification } from './verify.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-verify-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const ENTRIES = 600;
const whole = buildStore(ENTRIES);
let homes = 0;

/** A home that holds a store, and remembers it, as its vault left it. */
function home(store: BuiltStore = whole, remembered = store.checkpoint): string {
  const path = join(directory, `home-${homes += 1}`);
  writeFiles(join(path, 'store'), store.files);
  writeFiles(join(path, 'state'), new Map([['vault/vkey', Buffer.from(`${store.vkey}\n`)], ['vault/remembered', Buffer.from(remembered)], ['vault/checksums', Buffer.from(store.checksums)]]));
  return path;
}

async function verify(path: string, ...options: string[]): Promise<{ code: number; verdict: Verification; err: string }> {
  const io = memoryIo();
  const code = await run(['verify', '--home', path, '-o', 'json', ...options], VERBS, io);
  return { code, verdict: (io.written.out === '' ? {} : JSON.parse(io.written.out)) as Verification, err: io.written.err };
}

const codes = ({ failures }: Verification): string[] => [...new Set(failures.map(({ code }) => code))];

test('finds a whole store valid, says what it counted, and why contents were not checked', async () => {
  const { code, verdict } = await verify(home());
  assert.deepEqual(verdict.failures, []);
  assert.deepEqual([code, verdict.ok, verdict.logSize, verdict.records, verdict.batches, verdict.uncommittedBytes], [0, true, ENTRIES, whole.records, whole.batches, 0]);
  assert.match(verdict.contents, /^not checked: the wrapped data keys are not here/);
  assert.match(verdict.compared, /^compared with the checkpoint that is remembered here, and \d checksums$/);
});

test('keeps the order of keys that programs were promised', async () => {
  const { verdict } = await verify(home());
  assert.deepEqual(Object.keys(verdict).filter((key) => ['ok', 'records', 'batches', 'segments', 'logSize', 'uncommittedBytes', 'failures'].includes(key)), ['ok', 'records', 'batches', 'segments', 'logSize', 'uncommittedBytes', 'failures']);
});

test('shows people the verdict first', async () => {
  const io = memoryIo();
  const path = home();
  assert.equal(await run(['verify', '--home', path], VERBS, io), 0);
  assert.match(io.written.out, new RegExp(`^VALID  ${path}/store is what its checkpoint says\\.\\n\\n {2}log {7}600 entries\\n {2}records   ${whole.records} in ${whole.batches} batches, \\d segments\\n`));
  assert.equal(io.written.err, '');
});

test('looks at the flags of its own segments: one that is missing degrades, and a copy has none', async (t) => {
  const path = home();
  const segments = readdirSync(join(path, 'store/segments')).map((name) => join(path, 'store/segments', name));
  assert.match((await verify(path)).verdict.protection, /^not held: /);
  writeFileSync(join(path, 'state/vault/upkeep.json'), '{"flagsHeld":true}');
  if (spawnSync('chattr', ['+i', '--', ...segments]).status !== 0) return t.skip('machine: flags cannot be set here');
  t.after(() => spawnSync('chattr', ['-i', '--', ...segments]));
  const held = await verify(path);
  assert.deepEqual([held.code, held.verdict.degraded, held.verdict.protection], [0, false, `held: ${segments.length} files`]);
  spawnSync('chattr', ['-i', '--', segments[0]!]);
  const lacking = await verify(path);
  assert.deepEqual([lacking.code, lacking.verdict.ok, lacking.verdict.degraded], [4, true, true]);
  assert.deepEqual(lacking.verdict.facts.filter(({ code }) => code === 'segment.unprotected').length, 1);
  spawnSync('chattr', ['-i', '--', ...segments]);
  const copy = await verify(home(), '--store', join(path, 'store'));
  assert.deepEqual([copy.code, copy.verdict.protection], [0, 'not held: it is a copy']);
  return undefined;
});

test('names a changed bit, wherever it is, and ends with 3', async () => {
  const path = home();
  const segment = readdirSync(join(path, 'store/segments'))[0]!;
  const file = join(path, 'store/segments', segment);
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  const { code, verdict } = await verify(path);
  assert.equal(code, 3);
  assert.ok(codes(verdict).includes('segment.frame-digest') && codes(verdict).includes('segment.checksum'), JSON.stringify(codes(verdict)));
  const io = memoryIo();
  await run(['verify', '--home', path], VERBS, io);
  assert.match(io.written.out, /^NOT VALID {2}.*: \d failures?\.\n/);
  assert.match(io.written.out, /^FAILURE +WHERE +DETAIL\nsegment\./m);
});

test('finds a missing segment, checkpoint and store', async () => {
  const path = home();
  renameSync(join(path, 'store/segments', readdirSync(join(path, 'store/segments'))[0]!), join(directory, 'taken.seg'));
  assert.ok(codes((await verify(path)).verdict).includes('segment.missing'));
  rmSync(join(path, 'store/log/checkpoint'));
  assert.deepEqual(codes((await verify(path)).verdict), ['log.checkpoint-missing']);
  rmSync(join(path, 'store'), { recursive: true });
  const gone = await verify(path);
  assert.deepEqual([gone.code, codes(gone.verdict)], [3, ['log.checkpoint-missing']]);
});

test('refuses a store that is older than what is remembered, and takes it with --as-of', async () => {
  const older = buildStore(300);
  const path = home(older, older.signCheckpoint(301, Buffer.alloc(32, 7)));
  const { code, verdict } = await verify(path);
  assert.deepEqual([code, codes(verdict)], [3, ['store.rollback']]);
  assert.equal((await verify(path, '--as-of')).code, 0);
});

test('refuses another store of the same key', async () => {
  const path = home(whole, whole.signCheckpoint(300, Buffer.alloc(32, 7)));
  assert.deepEqual(codes((await verify(path)).verdict), ['store.fork']);
});

test('compares with a checkpoint that was kept elsewhere', async () => {
  const path = home();
  const kept = join(directory, 'kept-checkpoint');
  writeFileSync(kept, whole.signCheckpoint(ENTRIES + 1, Buffer.alloc(32, 7)));
  assert.deepEqual(codes((await verify(path, '--checkpoint', kept)).verdict), ['store.rollback']);
  writeFileSync(kept, whole.checkpoint);
  assert.equal((await verify(path, '--checkpoint', kept)).code, 0);
  writeFileSync(kept, 'no note');
  assert.equal((await verify(path, '--checkpoint', kept)).code, 2);
});

test('takes a copy elsewhere that is older than this home, and still refuses another log', async () => {
  const copy = join(directory, 'copy');
  writeFiles(copy, whole.files);
  const newer = home(whole, whole.signCheckpoint(ENTRIES + 5, Buffer.alloc(32, 7)));
  const { code, verdict } = await verify(newer, '--store', copy);
  assert.equal(code, 0, JSON.stringify(verdict.failures));
  assert.ok(verdict.facts.some((fact) => fact.code === 'store.as-of'));
  const forked = home(whole, whole.signCheckpoint(ENTRIES, Buffer.alloc(32, 7)));
  assert.deepEqual(codes((await verify(forked, '--store', copy)).verdict), ['store.fork']);
});

test('checks a copy with nothing but the key, given as a file or a line', async () => {
  const copy = join(directory, 'copy-for-auditor');
  writeFiles(copy, whole.files);
  const key = join(directory, 'log.vkey');
  writeFileSync(key, `${whole.vkey}\n`);
  const nowhere = join(directory, 'nowhere');
  assert.equal((await verify(nowhere, '--store', copy, '--vkey', key)).code, 0);
  assert.equal((await verify(nowhere, '--store', copy, '--vkey', whole.vkey)).code, 0);
  assert.equal((await verify(nowhere, '--store', copy, '--vkey', buildStore(1).vkey)).code, 3);
  assert.match((await verify(nowhere, '--store', copy)).err, /home\.no-vkey/);
  assert.match((await verify(nowhere, '--store', copy, '--vkey', 'not+a+key')).err, /file\.enoent/);
  assert.match((await verify(nowhere, '--store', join(directory, 'absent'), '--vkey', key)).err, /store\.absent/);
});

test('follows no link out of a hostile copy and opens nothing that is no file', async () => {
  const copy = join(directory, 'hostile');
  writeFiles(copy, whole.files);
  const segment = join(copy, 'segments', readdirSync(join(copy, 'segments'))[0]!);
  rmSync(segment);
  symlinkSync('/etc/passwd', segment);
  const linked = await verify(home(), '--store', copy);
  assert.ok(linked.verdict.failures.some(({ code }) => code === 'store.read'), JSON.stringify(codes(linked.verdict)));
  rmSync(segment);
  mkdirSync(segment);
  assert.equal((await verify(home(), '--store', copy)).code, 3);
  renameSync(join(copy, 'segments'), join(directory, 'elsewhere'));
  symlinkSync(join(directory, 'elsewhere'), join(copy, 'segments'));
  assert.equal((await verify(home(), '--store', copy)).code, 3);
});

test('says when nothing could be compared because a right or a file is missing', async () => {
  const path = home();
  rmSync(join(path, 'state/vault/remembered'));
  assert.match((await verify(path)).verdict.compared, /^nothing is remembered here$/);
  writeFileSync(join(path, 'state/vault/checksums'), 'what is this\n');
  assert.match((await verify(path)).verdict.compared, /^not compared with what is remembered here: /);
});

test('tells which entries existed before when, to whom it says whom to believe', async () => {
  const tsaRoot = stampingIdentity({ commonName: 'Root', authority: true });
  const stamped = Buffer.from(whole.checkpoint);
  const response = makeResponse({ signer: stampingIdentity({ commonName: 'Stamper', issuer: tsaRoot }), stamped, time: '20260301120003Z' });
  const store = { ...whole, files: new Map([...whole.files, [`timestamps/${ENTRIES}.checkpoint`, stamped], [`timestamps/${ENTRIES}.tsr`, response]]) };
  const path = home(store);
  const roots = join(directory, 'tsa-roots.pem');
  writeFileSync(roots, tsaRoot.certificatePem);
  const shown = async (...options: string[]): Promise<string> => {
    const io = memoryIo();
    await run(['verify', '--home', path, ...options], VERBS, io);
    return io.written.out;
  };
  assert.match(await shown('--tsa-ca', roots), /^ {2}timestamps {2}1 of 1 hold: entries 0–599 existed before 2026-03-01 12:00:03\.000Z ± not known, says CN=Stamper$/m);
  assert.match(await shown(), /^ {2}timestamps {2}1, not checked: name the authority's roots with --tsa-ca$/m);
  assert.doesNotMatch((await verify(home())).verdict.timestamps.checked, /^checked/);
  writeFileSync(join(path, `store/timestamps/${ENTRIES}.tsr`), response.subarray(0, -1));
  const { code, verdict } = await verify(path, '--tsa-ca', roots);
  assert.deepEqual([code, codes(verdict), verdict.timestamps.valid], [3, ['timestamp.token'], 0]);
});

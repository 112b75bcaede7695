// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  bundlePath, decodeBatch, decodeBundle, decodeEntry, entryPath, inclusionPath, leavesOf, openFrame, PROOF_FORMAT, recordsOf, saltsOf, SALT_BYTES, tilePath, xaesKey,
  type BatchEntry, type Proof,
} from '@strongroom/evidence';
import { BuiltStream, StoreBuilder, makeResponse, stampingIdentity, writeFiles } from '@strongroom/testing';
import { memoryIo } from '../memory-io.ts';
import { run } from '../run.ts';
import { VERBS } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-proof-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const MESSAGE = '<34>1 2026-09-21T14:13:20Z web-01 sshd - - - Failed password \u001b[2J for root';
const builder = new StoreBuilder();
const store = builder.heartbeat().batch([new BuiltStream(builder).run(['one', MESSAGE, 'three'])]).heartbeat().build();
const proof = prove();
const base64 = (bytes: Buffer): string => bytes.toString('base64');

/** Of record 1 of entry 1, as the vault does it. */
function prove(): Proof {
  const bundle = decodeBundle(store.files.get(`log/${bundlePath(0, 3)}`)!, 3);
  const entry = decodeEntry(bundle[1]!) as BatchEntry;
  const segment = store.files.get(`segments/${entry.segment}.seg`)!;
  const { seed, runs } = decodeBatch(openFrame(xaesKey(store.dataKeys.get(entry.segment)!), entry.header, segment.subarray(entry.offset, entry.offset + entry.length)));
  const record = [...recordsOf(runs)][1]!;
  const path = entryPath(1, 3, ({ level, index, width }) => store.files.get(`log/${tilePath(level, index, width)}`)!);
  return {
    format: PROOF_FORMAT, id: '1-1', checkpoint: store.checkpoint, entry: { index: 1, bytes: bundle[1]!.toString('base64'), path: path.map((hash) => hash.toString('base64')) },
    record: {
      index: 1, path: inclusionPath(leavesOf(seed, runs), 1).map((hash) => hash.toString('base64')), salt: saltsOf(seed, 3).subarray(SALT_BYTES, 2 * SALT_BYTES).toString('base64'),
      context: record.context.toString('base64'), sequence: record.sequence, raw: record.raw.toString('base64'),
    },
  };
}

async function verify(value: unknown, ...options: string[]): Promise<{ code: number; out: string; err: string }> {
  const file = join(directory, 'p.json');
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  const io = memoryIo();
  const code = await run(['verify-proof', file, '--home', join(directory, 'home'), ...options], VERBS, io);
  return { code, ...io.written };
}

test('shows what a proof proves as a tree, and lets nothing of the record act on the terminal', async () => {
  const { code, out, err } = await verify(proof, '--vkey', store.vkey);
  assert.deepEqual([code, err], [0, '']);
  const lines = out.split('\n');
  assert.deepEqual(lines.slice(0, 4), [
    'The proof holds. This record stands in the log of strongroom.test/log.', '', '  record 1-1',
    '  │ <34>1 2026-09-21T14:13:20Z web-01 sshd - - - Failed password \\e[2J for root',
  ]);
  assert.match(lines[4]!, /^ {2}└─ batch root {4}[\w+/]{43}=$/);
  assert.equal(lines[5], '     │ record 1 of 3, by 2 hashes');
  assert.equal(lines[7], '        │ entry 1 of 3, by 2 hashes');
  assert.match(lines[8]!, /^ {8}└─ signed by strongroom\.test\/log, key [0-9a-f]{8}$/);
  assert.match(out, /^ {2}source {4}web-01 {2}spiffe:\/\/test\/source\/web-01$/m);
  assert.match(out, /^ {2}received {2}2026-09-21T14:13:20\.\d{3}Z {2}± 50\.0 µs$/m);
});

test('gives the same as JSON', async () => {
  const { code, out } = await verify(proof, '--vkey', store.vkey, '-o', 'json');
  const value = JSON.parse(out) as Record<string, unknown>;
  assert.equal(code, 0);
  assert.deepEqual([value['ok'], value['id'], value['raw'], value['source'], value['boundNs'], value['kind']], [true, '1-1', MESSAGE, 'spiffe://test/source/web-01', 50_000, 'data']);
});

test("takes the home's key when none is given, and never one that comes with the proof", async () => {
  assert.match((await verify({ ...proof, vkey: store.vkey, key: store.vkey })).err, /\[home\.no-vkey\]/);
  writeFiles(join(directory, 'home'), new Map([['state/vault/vkey', Buffer.from(`${store.vkey}\n`)]]));
  assert.equal((await verify(proof)).code, 0);
});

const raw = { ...proof.record, raw: base64(Buffer.from(MESSAGE.replace('root', 'r00t'))) };
const invalid: readonly (readonly [string, unknown, string])[] = [
  ['a changed record', { ...proof, record: raw }, 'merkle.inclusion'],
  ['another place in the batch', { ...proof, id: '1-0', record: { ...proof.record, index: 0 } }, 'merkle.inclusion'],
  ['another id', { ...proof, id: '2-1' }, 'proof.malformed'],
  ['another sequence', { ...proof, record: { ...proof.record, sequence: 2 } }, 'merkle.inclusion'],
  ['a changed manifest', { ...proof, entry: { ...proof.entry, bytes: base64(Buffer.from(proof.entry.bytes, 'base64').map((byte, i) => (i === 40 ? byte ^ 1 : byte)) as Buffer) } }, 'merkle.inclusion'],
  ['a checkpoint that another key signed', { ...proof, checkpoint: new StoreBuilder().signCheckpoint(3, Buffer.alloc(32)) }, 'note.signature'],
  ['a changed checkpoint', { ...proof, checkpoint: proof.checkpoint.replace('\n3\n', '\n4\n') }, 'note.signature'],
  ['no proof', { hello: 1 }, 'proof.malformed'],
  ['no JSON', 'no JSON', 'proof.malformed'],
];

for (const [name, value, code] of invalid) {
  test(`ends with 3 for ${name}`, async () => {
    const shown = await verify(value, '--vkey', store.vkey);
    assert.deepEqual([shown.code, shown.out], [3, '']);
    assert.match(shown.err, /^strongroom: .+ \[[a-z.-]+\]\n {2}why: .+\n {2}do: {2}.+\n$/);
    const asJson = await verify(value, '--vkey', store.vkey, '-o', 'json');
    assert.deepEqual([asJson.code, (JSON.parse(asJson.out) as { ok: boolean }).ok, (JSON.parse(asJson.out) as { code: string }).code], [3, false, code]);
  });
}

test('does not read a file that is far too long for a proof', async () => {
  const { code, err } = await verify(' '.repeat(9 * 1024 * 1024), '--vkey', store.vkey);
  assert.equal(code, 3);
  assert.match(err, /\[proof\.too-long\]/);
});

const tsaRoot = stampingIdentity({ commonName: 'Root', authority: true });
const stamper = stampingIdentity({ commonName: 'Stamper \u001b[2J', issuer: tsaRoot });
const roots = join(directory, 'roots.pem');
writeFileSync(roots, `A comment\n${tsaRoot.certificatePem}`);
const response = (stamped: string): string => base64(makeResponse({ signer: stamper, stamped: Buffer.from(stamped), time: '20260301120003.5Z' }));
const timed = { ...proof, timestamp: { checkpoint: store.checkpoint, path: proof.entry.path, response: response(store.checkpoint) } };

test('shows before when the record existed, and who says so, to whom it says whom to believe', async () => {
  const { code, out } = await verify(timed, '--vkey', store.vkey, '--tsa-ca', roots);
  assert.equal(code, 0);
  assert.match(out, /^ {2}existed {3}before 2026-03-01T12:00:03\.500Z {2}± not known, says CN=Stamper \\\S+\[2J of the first 3 entries$/m);
  assert.match((await verify(timed, '--vkey', store.vkey)).out, /^ {2}timestamp {2}not checked: name the roots of the authority with --tsa-ca$/m);
  assert.doesNotMatch((await verify(proof, '--vkey', store.vkey, '--tsa-ca', roots)).out, /existed|timestamp/);
  const json = JSON.parse((await verify(timed, '--vkey', store.vkey, '--tsa-ca', roots, '-o', 'json')).out) as { timestamp: Record<string, unknown> };
  assert.deepEqual([json.timestamp['checked'], json.timestamp['existedBefore'], json.timestamp['size']], [true, '2026-03-01T12:00:03.500Z', 3]);
});

async function refusedFor(value: unknown, file: string): Promise<[number, string | undefined]> {
  const { code, err } = await verify(value, '--vkey', store.vkey, '--tsa-ca', file);
  return [code, /\[([a-z.-]+)\]/.exec(err)?.[1]];
}

test('ends with 3 for a timestamp of something else, or of nobody named, and with 1 or 2 for roots that are none', async () => {
  const other = { ...timed, timestamp: { ...timed.timestamp, response: response('other') } };
  assert.deepEqual(await refusedFor(other, roots), [3, 'timestamp.imprint']);
  const wrong = join(directory, 'wrong.pem');
  writeFileSync(wrong, stampingIdentity({ commonName: 'Root', authority: true }).certificatePem);
  assert.deepEqual(await refusedFor(timed, wrong), [3, 'timestamp.untrusted']);
  writeFileSync(wrong, stamper.certificatePem);
  assert.deepEqual(await refusedFor(timed, wrong), [1, 'timestamp.roots']);
  writeFileSync(wrong, 'no certificate');
  assert.deepEqual(await refusedFor(timed, wrong), [1, 'pem.none']);
});

// SPDX-License-Identifier: Apache-2.0
// A reader in another language, written from docs/FORMAT.md alone, finds in our stores what we put in, and refuses what
// was tampered with.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decodeBatch, decodeEntry, decodeFrameHeader, openFrame, recordsOf, xaesKey } from '@strongroom/evidence';
import { StoreBuilder, buildStore, writeFiles, type BuiltStore } from '@strongroom/testing';
import { missingForReader, recordsIn, runReader } from './second-reader.ts';
import { tampered, type Files } from './tampered-files.ts';
import { tamperings } from './tampering.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const VECTORS = join(import.meta.dirname, '../../libs/evidence/vectors');
const skip = missingForReader() ?? false;
const directory = mkdtempSync(join(tmpdir(), 'strongroom-second-reader-'));
after(() => rmSync(directory, { recursive: true }));

/** A built store on disk with its keys; the arguments that name them. */
function onDisk(store: BuiltStore, name: string): { root: string; args: string[] } {
  const home = join(directory, name);
  const root = join(home, 'store');
  mkdirSync(root, { recursive: true });
  writeFiles(root, store.files);
  writeFiles(join(home, 'keys'), store.wrappedKeys);
  mkdirSync(join(home, 'keys'), { recursive: true });
  writeFileSync(join(home, 'vkey'), `${store.vkey}\n`);
  writeFileSync(join(home, 'wrapping-key'), store.wrappingKey.toString('hex'));
  return { root, args: [root, '--vkey', join(home, 'vkey'), '--keys', join(home, 'keys')] };
}

function software({ root, args }: { root: string; args: string[] }): string[] {
  return [...args, '--wrapping-key', join(root, '..', 'wrapping-key')];
}

test('it reads all published vectors and refuses what they say is to be refused', { skip }, () => {
  const { code, stdout } = runReader('check_vectors.py', [VECTORS]);
  assert.equal(code, 0, stdout);
});

for (const size of [0, 1, 9, 256, 257, 600]) {
  test(`it verifies a store of ${size} entries and finds its records`, { skip }, () => {
    const store = buildStore(size);
    const { code, stdout, stderr } = runReader('reader.py', [...software(onDisk(store, `store-${size}`)), '--records']);
    assert.deepEqual([code, JSON.parse(stderr)], [0, { ok: true, logSize: size, batches: store.batches, records: store.records, segments: size >= 9 ? 3 : size > 1 ? 1 : 0, destroyed: 0, contents: 'checked' }]);
    assert.deepEqual(recordsIn(stdout).map(({ id, sequence, raw }) => [id, sequence, raw]), recordsOfStore(store));
  });
}

test('it follows a log whose key was changed from any of its keys, and misses what leads from one to the next', { skip }, () => {
  const builder = new StoreBuilder();
  const vkeys = [builder.vkey];
  for (let i = 0; i < 300; i += 1) builder.heartbeat();
  vkeys.push(builder.rotate().heartbeat().vkey);
  vkeys.push(builder.rotate().heartbeat().vkey);
  const { root, args } = onDisk(builder.build(), 'rotated');
  const read = (vkey: string): number | null => {
    writeFileSync(join(root, '..', 'vkey'), `${vkey}\n`);
    return runReader('reader.py', args.slice(0, 3)).code;
  };
  for (const vkey of vkeys) assert.equal(read(vkey), 0);
  rmSync(join(root, 'rotations/301.tlog-proof'));
  for (const vkey of vkeys) assert.equal(read(vkey), 3);
});

/** All records as the formats of libs/evidence read them. */
function recordsOfStore(store: BuiltStore): [string, number, string][] {
  const bundles = [...store.files].filter(([path]) => path.startsWith('log/tile/entries/')).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, bytes]) => bytes);
  return bundles.flatMap(entriesOf).flatMap((bytes, index) => {
    const entry = decodeEntry(bytes);
    if (entry.kind !== 'batch') return [];
    const parts = [...store.files].filter(([path]) => path.startsWith(`segments/${entry.segment}`));
    const frame = parts.map(([, file]) => file).map((file) => findFrame(file, entry.frame, entry.length)).find((found) => found !== null)!;
    const { runs } = decodeBatch(openFrame(xaesKey(store.dataKeys.get(entry.segment)!), entry.header, frame));
    return [...recordsOf(runs)].map((record): [string, number, string] => [`${index}-${record.index}`, record.sequence, record.raw.toString('base64')]);
  });
}

function entriesOf(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length; at += 2 + bundle.readUInt16BE(at)) entries.push(bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at)));
  return entries;
}

function findFrame(file: Buffer, index: number, length: number): Buffer | null {
  for (let at = file.indexOf('SRF1'); at >= 0; at = file.indexOf('SRF1', at + 1)) {
    const frame = file.subarray(at, at + length);
    if (frame.length === length && decodeFrameHeader(frame).index === index) return frame;
  }
  return null;
}

test('without keys it checks all but the contents, and says so', { skip }, () => {
  const { args } = onDisk(buildStore(20), 'no-keys');
  const { code, stdout } = runReader('reader.py', args.slice(0, 3));
  assert.deepEqual([code, JSON.parse(stdout)], [0, { ok: true, logSize: 20, batches: 5, records: 308, segments: 3, destroyed: 0, contents: 'not checked: no data keys were given' }]);
});

test('it refuses every tampering with a store', { skip }, async (t) => {
  const store = buildStore(257);
  const place = onDisk(store, 'tampered');
  for (const tampering of tamperings(store)) {
    await t.test(tampering.name, () => {
      rmSync(place.root, { recursive: true });
      const files: Files = tampered(store.files, tampering);
      writeFiles(place.root, files);
      const { code, stdout, stderr } = runReader('reader.py', software(place));
      assert.equal(code, 3, stderr);
      assert.equal((JSON.parse(stdout) as { ok: boolean }).ok, false);
    });
  }
});

function key({ root }: { root: string }, name: string): string {
  return join(root, '..', name);
}

test('it refuses the keys of another store', { skip }, () => {
  const [store, other] = [onDisk(buildStore(20), 'own'), onDisk(buildStore(20), 'other')];
  const run = (vkey: string, keys: string, wrapping: string): number | null => runReader('reader.py', [store.root, '--vkey', vkey, '--keys', keys, '--wrapping-key', wrapping]).code;
  assert.equal(run(key(store, 'vkey'), key(store, 'keys'), key(store, 'wrapping-key')), 0);
  assert.equal(run(key(other, 'vkey'), key(store, 'keys'), key(store, 'wrapping-key')), 3);
  assert.equal(run(key(store, 'vkey'), key(other, 'keys'), key(store, 'wrapping-key')), 3);
  assert.equal(run(key(store, 'vkey'), key(store, 'keys'), key(other, 'wrapping-key')), 3);
});

test('it unwraps data keys by PKCS#11', { skip: existsSync(MODULE) ? skip : 'machine: SoftHSM is not installed' }, () => {
  const store = buildStore(20);
  const { root, args } = onDisk(store, 'token');
  const home = join(root, '..');
  const environment = { SOFTHSM2_CONF: join(home, 'softhsm2.conf') };
  mkdirSync(join(home, 'tokens'));
  writeFileSync(environment.SOFTHSM2_CONF, `directories.tokendir = ${join(home, 'tokens')}\n`);
  writeFileSync(join(home, 'pin'), '1234\n');
  writeFileSync(join(home, 'key.bin'), store.wrappingKey);
  const [retention, bucket, id] = store.wrappingKeyId.split('/');
  softhsm(environment, ['--init-token', '--free', '--label', 'test', '--so-pin', '4321', '--pin', '1234']);
  softhsm(environment, ['--import', join(home, 'key.bin'), '--aes', '--token', 'test', '--pin', '1234', '--label', `deployment/wrap/${retention}/${bucket}`, '--id', id!]);
  const token = ['--module', MODULE, '--token', 'test', '--pin-file', join(home, 'pin')];
  const { code, stdout, stderr } = runReader('reader.py', [...args, ...token], environment);
  assert.equal(code, 0, stderr + stdout);
  assert.equal((JSON.parse(stdout) as { records: number }).records, 308);
});

function softhsm(environment: Readonly<Record<string, string>>, args: readonly string[]): void {
  const { status, stderr } = spawnSync('softhsm2-util', args, { env: { ...process.env, ...environment }, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

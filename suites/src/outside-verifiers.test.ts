// SPDX-License-Identifier: Apache-2.0
// Golden logs of sizes around the edges of tiles, each valid, then each with every tampering: all verifiers that nobody
// here wrote must accept the first and refuse the others. A verifier counts only because it is seen to refuse.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cosignatureLine, cosignedText, cosignerVkey, parseCosignerVkey } from '@strongroom/evidence';
import { buildStore, writeFiles, type BuiltStore } from '@strongroom/testing';
import { withoutGo } from './go-programs.ts';
import { cosignedBy, outsideVerifiers, type OutsideVerifier } from './outside-verifiers.ts';
import { tampered, type Files } from './tampered-files.ts';
import { logTamperings } from './tampering-log.ts';

const SIZES = [0, 1, 255, 256, 257, 70_000];
const skip = withoutGo();
const verifiers = skip === undefined ? outsideVerifiers() : [];
const directory = mkdtempSync(join(tmpdir(), 'strongroom-outside-'));
after(() => rmSync(directory, { recursive: true }));

/** A built store on disk. */
function onDisk(store: BuiltStore, name: string): { log: string; vkey: string } {
  const root = join(directory, name);
  writeFiles(root, store.files);
  writeFileSync(join(root, 'vkey'), `${store.vkey}\n`);
  return { log: join(root, 'log'), vkey: join(root, 'vkey') };
}

/** Puts `after` in place of `before`, as far as they differ. */
function change(root: string, before: ReadonlyMap<string, Buffer>, later: Files): void {
  for (const path of before.keys()) if (!later.has(path)) rmSync(join(root, path));
  writeFiles(root, new Map([...later].filter(([path, bytes]) => before.get(path) !== bytes)));
}

/** What each of them says: a size, or null where it refuses. */
function said(by: readonly OutsideVerifier[], ...args: Parameters<OutsideVerifier['verify']>): Record<string, number | null> {
  return Object.fromEntries(by.map((verifier) => [verifier.name, verifier.verify(...args)]));
}

/** A checkpoint in a file. */
function seen(checkpoint: string): string {
  writeFileSync(join(directory, 'seen.note'), checkpoint);
  return join(directory, 'seen.note');
}

const REFUSED = { sumdb: null, formats: null, fsck: null };

for (const size of SIZES) {
  test(`a log of ${size} entries is accepted by all, and each tampering refused by all`, { skip: skip ?? false }, async (t) => {
    const store = buildStore(size);
    const { log, vkey } = onDisk(store, String(size));
    const accepted = { sumdb: size, formats: size, fsck: size };
    assert.deepEqual(said(verifiers, log, vkey), accepted);
    for (const tampering of logTamperings(store)) {
      await t.test(tampering.name, () => {
        const files = tampered(store.files, tampering);
        change(join(log, '..'), store.files, files);
        try {
          assert.deepEqual(said(verifiers, log, vkey), REFUSED);
        } finally {
          change(join(log, '..'), files, new Map(store.files));
        }
      });
    }
    assert.deepEqual(said(verifiers, log, vkey), accepted, 'the store is as it was');
  });
}

test('the key of another log is refused by all', { skip: skip ?? false }, () => {
  const { log } = onDisk(buildStore(3), 'other-key');
  const { vkey } = onDisk(buildStore(0), 'other-key-of');
  assert.deepEqual(said(verifiers, log, vkey), REFUSED);
});

test('an older log, or another one, than the one seen before is refused by the verifier that remembers', { skip: skip ?? false }, () => {
  const store = buildStore(300);
  const { log, vkey } = onDisk(store, 'seen');
  const sumdb = verifiers.filter((verifier) => verifier.name === 'sumdb');
  const root = Buffer.alloc(32, 7);
  assert.deepEqual(said(sumdb, log, vkey, seen(store.checkpoint)), { sumdb: 300 });
  for (const size of [299, 300, 301]) assert.deepEqual(said(sumdb, log, vkey, seen(store.signCheckpoint(size, root))), { sumdb: null }, `${size} seen`);
});

test('cosignatures are those of the specification: others accept them, and refuse one that is altered', { skip: skip ?? false }, () => {
  const store = buildStore(7);
  const cosigners = ['one', 'two'].map((name, i) => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const vkey = cosignerVkey(`${name}.example/w`, publicKey.export({ type: 'spki', format: 'der' }));
    const seconds = 1_790_000_000 + i;
    const text = store.checkpoint.slice(0, store.checkpoint.lastIndexOf('\n\n') + 1);
    return { vkey, line: cosignatureLine(parseCosignerVkey(vkey), seconds, sign(null, Buffer.from(cosignedText(text, seconds)), privateKey)) };
  });
  const [first, second] = cosigners as [(typeof cosigners)[0], (typeof cosigners)[0]];
  const keys = cosigners.map(({ vkey }) => vkey);
  assert.deepEqual(cosignedBy(seen(store.checkpoint + first.line + second.line), store.vkey, keys), { size: 7, count: 2 });
  assert.deepEqual(cosignedBy(seen(store.checkpoint + first.line), store.vkey, keys), { size: 7, count: 1 });
  const bytes = Buffer.from(first.line.trimEnd().split(' ').at(-1)!, 'base64');
  for (const at of [5, 11, 40]) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 1;
    assert.equal(cosignedBy(seen(`${store.checkpoint}— one.example/w ${altered.toString('base64')}\n`), store.vkey, keys), null, `octet ${at}`);
  }
});

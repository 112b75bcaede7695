// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChecksums, verifyStore, type Verdict } from '@strongroom/evidence';
import { buildStore, memoryStore, type BuiltStore } from '@strongroom/testing';
import { flip, remove, tampered, truncate } from './tampered-files.ts';
import { tamperings } from './tampering.ts';

const SIZES = [0, 1, 2, 9, 255, 256, 257, 600];

function verify(store: BuiltStore, files: ReadonlyMap<string, Buffer>): Verdict {
  const dataKey = (segment: string): Buffer | null => store.dataKeys.get(segment) ?? null;
  return verifyStore(memoryStore(files), { key: store.key, dataKey, checksums: parseChecksums(store.checksums), remembered: [store.checkpoint] });
}

for (const size of SIZES) {
  test(`a store of ${size} entries is valid, and every tampering with it is named`, async (t) => {
    const store = buildStore(size);
    assert.deepEqual(verify(store, store.files).failures, []);
    for (const tampering of tamperings(store)) {
      await t.test(tampering.name, () => {
        const { ok, failures } = verify(store, tampered(store.files, tampering));
        assert.equal(ok, false);
        assert.ok(failures.some((failure) => failure.code === tampering.code), `${tampering.code} is not among ${JSON.stringify(failures)}`);
      });
    }
  });
}

test('each file and each octet counts: one that is missing, cut or changed anywhere is never valid', () => {
  const store = buildStore(20);
  const meaningless = tornOctets(store);
  for (const [path, bytes] of store.files) {
    assert.equal(verify(store, tampered(store.files, { apply: remove(path) })).ok, false, `${path} deleted`);
    assert.equal(verify(store, tampered(store.files, { apply: truncate(path, bytes.length - 1) })).ok, path === meaningless.path, `${path} cut`);
    const end = path === meaningless.path ? meaningless.from : bytes.length;
    const step = Math.max(1, Math.floor(end / 60));
    for (let at = 0; at < end; at += step) {
      assert.equal(verify(store, tampered(store.files, { apply: flip(path, at, at % 8) })).ok, false, `octet ${at} of ${path}`);
    }
  }
});

/** The one place of a built store that means nothing: what a crash left in the file of its torn segment. */
function tornOctets({ files }: BuiltStore): { path: string; from: number } {
  const part = [...files.keys()].find((path) => /\.[0-9]+\.seg$/.test(path))!;
  const [segment, offset] = part.split('.');
  return { path: `${segment}.seg`, from: Number(offset) };
}

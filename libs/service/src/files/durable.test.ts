// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeDurably } from './durable.ts';

test('a file is replaced whole, with its mode, past leftovers and links', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-durable-'));
  try {
    const path = join(directory, 'a');
    const victim = join(directory, 'victim');
    writeFileSync(victim, 'untouched');
    symlinkSync(victim, `${path}.new`);
    await writeDurably(path, 'one', 0o640);
    await writeDurably(path, 'two', 0o600);
    assert.equal(readFileSync(path, 'utf8'), 'two');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    writeFileSync(`${path}.new`, 'left by a crash');
    await writeDurably(path, 'three', 0o600);
    assert.equal(readFileSync(path, 'utf8'), 'three');
    assert.equal(readFileSync(victim, 'utf8'), 'untouched');
    assert.deepEqual(readdirSync(directory).toSorted(), ['a', 'victim']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

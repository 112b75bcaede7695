// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { replaceResults } from './page.ts';

const MARKERS = ['<!-- results: written by npm run bench -- --write -->', '<!-- end of results -->'] as const;

function page(text: string, use: (path: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'bench-page-'));
  try {
    writeFileSync(join(directory, 'page.md'), text);
    use(join(directory, 'page.md'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('results replace those before, and nothing else', () => {
  page(`before\n${MARKERS[0]}\nold\n${MARKERS[1]}\nafter\n`, (path) => {
    replaceResults(path, 'new\n');
    replaceResults(path, 'newer\n');
    assert.equal(readFileSync(path, 'utf8'), `before\n${MARKERS[0]}\n\nnewer\n\n${MARKERS[1]}\nafter\n`);
  });
});

test('a page without a place for results is left as it is', () => {
  page('nothing\n', (path) => {
    assert.throws(() => replaceResults(path, 'new'), { code: 'bench.page' });
    assert.equal(readFileSync(path, 'utf8'), 'nothing\n');
  });
});

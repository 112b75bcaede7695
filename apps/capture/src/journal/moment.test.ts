// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Moment } from './moment.ts';

/** Which of these entries, `numbering number moment hash`, are repeats. */
function repeats(...entries: string[]): string[] {
  const moment = new Moment();
  return entries.filter((entry) => {
    const [s, i, m, x] = entry.split(' ');
    return moment.isRepeat(`s=${s};i=${i};b=b;m=${m};t=${m};x=${x}`);
  });
}

describe('a moment', () => {
  it('that comes again under another numbering is a repeat', () => {
    assert.deepEqual(repeats('a 1 5 aa', 'a 2 6 bb', 'a 3 6 cc', 'd 2 6 bb', 'd 3 6 cc', 'd 4 6 dd', 'd 5 7 bb'), ['d 2 6 bb', 'd 3 6 cc']);
  });

  it('may hold equal entries, as many as one numbering gives', () => {
    assert.deepEqual(repeats('a 1 5 aa', 'a 2 5 aa', 'd 1 5 aa', 'd 2 5 aa', 'd 3 5 aa', 'a 3 5 aa'), ['d 1 5 aa', 'd 2 5 aa', 'a 3 5 aa']);
  });
});

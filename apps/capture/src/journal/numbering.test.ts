// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Numbering, showsAll } from './numbering.ts';

const [a, b] = ['a'.repeat(32), 'b'.repeat(32)];
const cursor = (s: string, i: number): string => `s=${s};i=${i.toString(16)};b=${'c'.repeat(32)};m=3e9;t=60a24183cc480;x=6edaa9dd8759f9a7`;

function missing(...cursors: (string | null)[]): unknown[] {
  const numbering = new Numbering();
  return cursors.map((one) => numbering.before(one)).filter((letGo) => letGo !== null).map(({ count, from, to }) => [count, from, to]);
}

describe('the numbering of the journal', () => {
  it('tells what is left out between two entries', () => {
    assert.deepEqual(missing(cursor(a, 15), cursor(a, 16), cursor(a, 17), cursor(a, 40), cursor(a, 42)), [[22, 18, 39], [1, 41, 41]]);
    assert.deepEqual(new Numbering().before(cursor(a, 1000)), null, 'of what came before the first nothing is known');
  });

  it('tells nothing over another numbering, an entry without a cursor, and numbers that are given out again', () => {
    assert.deepEqual(missing(cursor(a, 10), cursor(b, 1), cursor(a, 30), null, cursor(a, 50), 'x=1', cursor(a, 70)), []);
    assert.deepEqual(missing(cursor(a, 10), cursor(a, 3), cursor(a, 3), cursor(a, 4)), []);
  });

  it('tells nothing to who may not see all of it, which is not to be known from a damaged file or a closed pipe', () => {
    for (const hidden of [
      "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm', 'systemd-journal' can see all messages.\n      Pass -q to turn off this notice.",
      'Warning: some journal files were not opened due to insufficient permissions.', 'No journal files were opened due to insufficient permissions.',
    ]) assert.equal(showsAll(hidden), false, hidden);
    for (const passing of ['', 'Journal file /var/log/journal/a/system.journal is truncated, ignoring file.', 'Failed to flush output: Broken pipe']) assert.ok(showsAll(passing), passing);
  });
});

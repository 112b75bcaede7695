// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { pasteable, word } from './shell.ts';

const NAMES = ['plain-1.pem', 'with a space', "quote'd", "x'; touch /tmp/owned; '", '$(id)', '`id`', 'a (b', 'a\\', '-rf', '"; id; "', '#', '~root', '*'];

test('whatever a name holds, a shell takes it as one word, also in a line with a remark', () => {
  for (const name of NAMES) {
    const { stdout, status } = spawnSync('bash', ['-c', pasteable(`printf %s ${word(name)} (see what it is, and (then) go on)`)], { encoding: 'utf8' });
    assert.deepEqual([stdout, status], [name, 0], name);
  }
});

test('a remark becomes a comment, of one line, and a command without one stays as it is', () => {
  assert.equal(pasteable('kill 12 (stop it by its own means)'), 'kill 12  # stop it by its own means');
  assert.equal(pasteable("grep 'a (b)'"), "grep 'a (b)'");
  assert.equal(pasteable('date -u (here\nrm -rf /)'), 'date -u  # here rm -rf /');
});

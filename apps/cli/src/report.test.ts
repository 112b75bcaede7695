// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Bug, Failed, Refused } from '@strongroom/bytes';
import { errorText, exitCodeOf } from './report.ts';

test('prints an error as three lines with its code', () => {
  const error = new Refused('usage.id', '"x" names no record', { why: 'it has no hyphen', fix: 'take it from search' });
  assert.equal(errorText(error, 'table'), 'strongroom: "x" names no record [usage.id]\n  why: it has no hyphen\n  do:  take it from search\n');
});

test('prints the same as one line of JSON', () => {
  const error = new Failed('rpc.unreachable', 'nobody answers', { why: 'no socket', fix: 'start it' });
  const same = '{"error":{"code":"rpc.unreachable","what":"nobody answers","why":"no socket","fix":"start it"}}\n';
  assert.equal(errorText(error, 'json'), same);
  assert.equal(errorText(error, 'jsonl'), same);
});

test('keeps three lines whatever a peer has put into them', () => {
  const text = errorText(new Refused('x.y', 'a\nb\u001b[2J', { why: 'c\r\nd', fix: 'e' }), 'table');
  assert.equal(text, 'strongroom: a\\nb\\e[2J [x.y]\n  why: c\\r\\nd\n  do:  e\n');
});

test('says what the system refused', () => {
  assert.throws(() => readFileSync('/nowhere/at/all'), (error) => {
    assert.match(errorText(error, 'table'), /^strongroom: open of \/nowhere\/at\/all failed \[file\.enoent\]\n {2}why: it is not there\n {2}do: {2}check the path\n$/);
    return true;
  });
});

test('always has a why and a what to do', () => {
  for (const error of [new Refused('a.b', 'x'), new Failed('a.b', 'x', { cause: new Error('deep') }), new Bug('a.b', 'x'), new Error('x'), 'x']) {
    const { error: facts } = JSON.parse(errorText(error, 'json')) as { error: Record<string, string> };
    assert.ok(['code', 'what', 'why', 'fix'].every((name) => (facts[name] ?? '').length > 0), String(error));
  }
});

test('ends with 2 for usage, 78 for configuration, 1 for all else', () => {
  assert.equal(exitCodeOf(new Refused('usage.unknown-verb', 'x')), 2);
  assert.equal(exitCodeOf(new Refused('config.unknown-key', 'x')), 78);
  assert.equal(exitCodeOf(new Failed('rpc.unreachable', 'x')), 1);
  assert.equal(exitCodeOf(new Error('x')), 1);
});

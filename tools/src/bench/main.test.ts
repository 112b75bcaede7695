// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const bench = (...args: string[]) => spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { encoding: 'utf8' });

test('a short run finds every event that it sent, and prints its tables', () => {
  const { status, stdout, stderr } = bench('--only', 'syslog,relp,strongroom,rsyslog', '--events', '20000', '--seconds', '1', '--rounds', '1');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^\| events per CPU-second +\| +[\d,]+ \|/m);
  assert.match(stdout, /^\| time to ack, p99, ms +\| +[\d.]+ \|/m);
  assert.match(stdout, /^- strongroom: [\d,]+ sent, [\d,]+ found/m);
  assert.doesNotMatch(stdout, /NOT ALL THERE|NaN/);
});

test('a wrong option is told in three lines, exit 2', () => {
  const { status, stderr } = bench('--only', 'everything');
  assert.equal(status, 2);
  assert.equal(stderr.trim().split('\n').length, 3);
});

test('reading finds what was sealed, verifies it, and prints its tables', () => {
  const { status, stdout, stderr } = bench('--reading', '--records', '20000', '--sources', '20', '--days', '1');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^One source, one hour, [\d,]+ records: \d+ ms/m);
  assert.match(stdout, /^\| a text +\| +1 \|/m);
  assert.match(stdout, /^\| strongroom verify +\|/m);
  assert.match(stdout, /^\| this store +\|/m);
  assert.doesNotMatch(stdout, /NaN/);
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions, wants } from './options.ts';

test('without options everything runs but the peer that has to be fetched', () => {
  const options = readOptions([])!;
  assert.equal(options.rounds, 3);
  assert.deepEqual(['idle', 'syslog', 'relp', 'floors', 'strongroom', 'rsyslog'].map((name) => wants(options.only, name)), Array.from({ length: 6 }, () => true));
  assert.equal(wants(options.only, 'syslog-ng'), false);
});

test('naming a part leaves out the other parts, and not the systems', () => {
  const { only } = readOptions(['--only', 'syslog'])!;
  assert.equal(wants(only, 'syslog'), true);
  assert.equal(wants(only, 'relp'), false);
  assert.equal(wants(only, 'rsyslog'), true);
});

test('help is asked for by its own option', () => assert.equal(readOptions(['--help']), null));

for (const args of [['--rounds', '0'], ['--events', 'many'], ['--only', 'fluentd'], ['--fast'], ['--seconds', '-1'], ['extra']]) {
  test(`${args.join(' ')} is refused`, () => assert.throws(() => readOptions(args), { code: 'bench.options' }));
}

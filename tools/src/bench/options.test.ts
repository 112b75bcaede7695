// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions, wants } from './options.ts';

test('without options everything runs but the peer that has to be fetched', () => {
  const options = readOptions([])!;
  assert.equal(options.rounds, 3);
  assert.deepEqual(['idle', 'syslog', 'paced', 'relp', 'floors', 'strongroom', 'rsyslog'].map((name) => wants(options.only, name)), Array.from({ length: 7 }, () => true));
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

test('the clock is watched for two minutes, unless it is said otherwise', () => {
  assert.deepEqual(readOptions(['--clock'])!.seconds, 120);
  assert.deepEqual([readOptions(['--clock', '--seconds', '9'])!.seconds, readOptions(['--clock'])!.clock, readOptions([])!.clock], [9, true, false]);
});

test('a quiet host is measured for so long, in these ways', () => {
  assert.equal(readOptions(['--kernel'])!.quiet, null);
  assert.deepEqual(readOptions(['--quiet', '--settle', '90', '--ways', '4,1'])!.quiet, { seconds: 60, settleSeconds: 90, ways: ['audit and eBPF', 'no kernel events'] });
  for (const ways of ['0', '5', 'eBPF', '']) assert.throws(() => readOptions(['--quiet', '--ways', ways]), { code: 'bench.options' });
});

test('reading has a size, which the rest does not know', () => {
  assert.equal(readOptions([])!.reading, null);
  assert.deepEqual([readOptions([])!.kernelExecs, readOptions(['--kernel'])!.kernelExecs, readOptions(['--kernel', '--execs', '7'])!.kernelExecs], [null, 5000, 7]);
  assert.deepEqual(readOptions(['--reading', '--records', '100000000'])!.reading, { records: 100_000_000, days: 10, sources: 500 });
  assert.throws(() => readOptions(['--reading', '--days', '0']), { code: 'bench.options' });
});

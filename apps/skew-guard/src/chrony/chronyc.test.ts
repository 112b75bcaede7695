// SPDX-License-Identifier: Apache-2.0
// What chronyd 4.3 (Debian 12) printed: `chronyc -c -N -h SOCKET -m tracking sources sourcestats selectdata authdata`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wander } from '../bound/wander.ts';
import { parseReport } from './chronyc.ts';
import { referenceOf, wordsOf } from './reference.ts';

const vector = (name: string): string => readFileSync(join(import.meta.dirname, '../../vectors', name), 'utf8');

test('a report of a chronyd with four servers, one of which lies and one of which is not there', () => {
  const { tracking, sources, statistics, intervals, authentication } = parseReport(vector('chrony-4.3-falseticker.csv'));
  assert.equal(tracking?.name, '127.0.0.4');
  assert.deepEqual([tracking.stratum, tracking.leap, Math.round(tracking.rootDelayNs), Math.round(tracking.rootDispersionNs)], [2, 'none', 8866, 2586]);
  assert.deepEqual(sources.map(({ name, verdict }) => [name, verdict]), [
    ['127.0.0.2', 'combined'], ['127.0.0.4', 'selected'], ['127.0.0.5', 'combined'], ['127.0.0.3', 'falseticker'], ['127.0.0.9', 'unusable'],
  ]);
  assert.deepEqual([sources[0]!.reach, sources[4]!.reach, sources[4]!.heardNs, sources[0]!.pollNs], [255, 0, null, 5e8]);
  assert.deepEqual([statistics.length, intervals.length, authentication.length], [5, 5, 5]);
  assert.ok(intervals[3]!.highNs < -2e8);
  assert.deepEqual(authentication[0], { name: '127.0.0.2', mode: 'none', attempts: 0, refusals: 0, cookies: 0 });
});

test('its tracking is a reference, and its sources are words', () => {
  const report = parseReport(vector('chrony-4.3-falseticker.csv'));
  const reference = referenceOf(report, new Wander());
  assert.deepEqual([reference?.update, reference?.updatedAtNs, reference?.intervalNs], ['7F000004 1795797904.905297711', 1_795_797_904_905_297_711n, 5e8]);
  const liar = wordsOf(report)[3]!;
  assert.deepEqual([liar.name, liar.verdict, liar.isReachable, liar.authentication, Math.round(liar.offsetNs! / 1e6)], ['127.0.0.3', 'falseticker', true, 'none', -250]);
});

test('over the network some reports are refused, and the others count', () => {
  const { tracking, authentication } = parseReport(vector('chrony-4.3-network.csv'));
  assert.equal(tracking?.name, '127.0.0.4');
  assert.deepEqual(authentication, []);
});

test('a chronyd that is not synchronised is no reference', () => {
  const report = parseReport(vector('chrony-4.3-unsynchronised.csv'));
  assert.equal(report.tracking?.leap, 'unsynchronised');
  assert.equal(referenceOf(report, new Wander()), null);
});

test('a clock that chronyd holds for true by itself is no reference', () => {
  assert.equal(referenceOf(parseReport(vector('chrony-4.3-local.csv')), new Wander()), null);
});

test('what no chronyd prints is refused', () => {
  for (const [text, code] of [
    ['a,b,c\n', 'chrony.row'],
    [vector('chrony-4.3-unsynchronised.csv').replace('Not synchronised', 'Perhaps'), 'chrony.row'],
    [vector('chrony-4.3-falseticker.csv').replace('0.000008866', 'nan'), 'chrony.number'],
    [vector('chrony-4.3-falseticker.csv').replace('0.000008866', '1e400'), 'chrony.number'],
    ...['0.507', '0.000008866', '0.000002586', '0.5,'].map((size) => [vector('chrony-4.3-falseticker.csv').replace(`,${size}`, `,-${size}`), 'chrony.number'] as const),
    [vector('chrony-4.3-falseticker.csv').replace(',377,', ',9,'), 'chrony.number'],
    [vector('chrony-4.3-falseticker.csv').replace('^,x', '^,!'), 'chrony.row'],
    ['x'.repeat(2 ** 21), 'chrony.too-long'],
    ['1,2\n'.repeat(5000), 'chrony.too-long'],
  ] as const) assert.throws(() => parseReport(text), { code }, text.slice(0, 40));
});

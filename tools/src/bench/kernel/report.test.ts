// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Leg } from './measure.ts';
import { kernelReport, quietReport } from './report.ts';
import { workloads } from './workloads.ts';

const leg = (way: Leg['way'], workload: Leg['workload'], seconds: number, used: Partial<Leg['used']>): Leg =>
  ({ way, workload, seconds, elapsed: 10, used: { cpu: {}, probeSeconds: 0, events: 0, lost: 0, ...used } });

test('the tables have a row for each way, per event and per second, and no figure where there is none', () => {
  const all = workloads(3, 100).map((one) => ({ ...one, missing: one.name === 'stress' ? 'it is not here' : null }));
  const watching = { cpu: { capture: 0.1, vault: 0.1, keys: 0.05 }, probeSeconds: 0.02, events: 10_000, lost: 3 };
  const integrity = [{ title: 'a changed file', unit: 'µs', count: 1000, elapsed: 2, used: { reader: 0.05, capture: 0.02, vault: 0.01, others: 0 } }];
  const text = kernelReport({ all, legs: all.flatMap(({ name }) => [leg('off', name, 2, {}), leg('eBPF', name, 3, watching)]), integrity });
  assert.match(text, /^\| eBPF +\| +\| +\| +\| +1\.00 \| +1\.00 \| +0\.50 \| +2\.50 \| +10000 \|$/m, 'quiet: percent of a core');
  assert.match(text, /^\| eBPF +\| +\| +\| +\| +10\.0 \| +10\.0 \| +5\.0 \| +25\.0 \| +12\.5 \| +2\.0 \| +10,000 \| +3 \| +3\.00 \| +1\.50 \|$/m, 'steady: µs of an event, percent of a core, slowdown');
  assert.match(text, /^\| a changed file, µs +\| +50\.0 \| +20\.0 \| +10\.0 \| +0\.0 \| +80\.0 \| +2\.0 \|$/m, 'files: µs of a change');
  assert.doesNotMatch(text, /stress-ng|NaN|Infinity/);
});

test('a quiet host has a column for each process', () => {
  const text = quietReport([leg('eBPF', 'quiet', 10, { cpu: { capture: 0.02, vault: 0.03, keys: 0.01, gateway: 0.005, supervisor: 0.015 }, events: 9 })], 60);
  assert.match(text, /^\| eBPF +\| +\| +\| +0\.20 \| +0\.30 \| 0\.10 \| +0\.05 \| +0\.15 \| +0\.80 \| +9 \|$/m);
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameLines, sparkline } from './screen.ts';
import type { Sample } from './model.ts';

const SAMPLE: Sample = {
  time: '2026-09-21T14:13:20.000Z', states: {}, origin: 'strongroom-berlin/log', records: 1_234_567, batches: 2345, logSize: 2400, checkpointAgeMs: 420, unwitnessed: null, unwitnessedSince: null, incidents: [],
  sealedPerSecond: 45_210, eventsPerSecond: 45_200, ackedBytesPerSecond: 10_695_475, waitingBytes: 1_258_291, origins: [],
  sources: [
    { source: 'db-01', eventsPerSecond: 0, ackedBytesPerSecond: 0, lagMs: 0, waitingBytes: 0, connections: 0 },
    { source: 'web-01', eventsPerSecond: 45_200, ackedBytesPerSecond: 10_695_475, lagMs: 12, waitingBytes: 1_258_291, connections: 4 },
  ],
};
const HISTORY = [0, 1000, 10_000, 20_000, 45_200];
const plain = (_: unknown, text: string): string => text;
const frame = (columns: number, rows = 24) => ({ columns, rows, style: plain, history: (source?: string) => (source === 'db-01' ? [] : HISTORY) });
const trimmed = (lines: readonly string[]): string[] => lines.map((line) => line.trimEnd());

test('draws the whole picture', () => {
  assert.deepEqual(trimmed(frameLines(SAMPLE, frame(100))), [
    'strongroom top  strongroom-berlin/log  running                                               q quits',
    'sealed   1,234,567 records   2,345 batches   log of 2,400 entries   checkpoint 420 ms old',
    'passing  45,200 events/s   10 MiB/s acked   1.2 MiB waiting                             ▁▂▄█',
    '',
    'SOURCE        EVENTS/S                       ACKED        LAG     WAITING    CONN',
    'db-01                0                       0 B/s       0 ms         0 B       0',
    'web-01          45,200          ▁▂▄█      10 MiB/s      12 ms     1.2 MiB       4',
  ]);
});

test('shows how the sums of each origin stand, where there is room', () => {
  const kmsg = { origin: 'kmsg', produced: 1234, sealed: 1230, waiting: 4, own: 0, lost: 0, uncounted: 0, why: [] };
  const audit = { ...kmsg, origin: 'audit', produced: 1_200_000, own: 12, lost: 35, uncounted: 1, why: [{ reason: 'not-read', count: 30 }, { reason: 'overrun', count: 5 }] };
  const sample = { ...SAMPLE, origins: [audit, kmsg] };
  assert.deepEqual(frameLines(sample, frame(120)).slice(4, 8), [
    'ORIGIN          PRODUCED        SEALED    WAITING        OWN         LOST  WHY',
    'audit          1,200,000         1,230          4         12  35 and more  not-read 30, overrun 5, not counted 1 time',
    'kmsg               1,234         1,230          4          0            -', '',
  ]);
  for (let columns = 10; columns <= 200; columns += 1) for (const one of frameLines(sample, frame(columns))) assert.ok([...one].length <= columns, one);
  for (const rows of [1, 5, 13, 14, 24]) assert.ok(frameLines(sample, frame(100, rows)).length <= rows);
  assert.equal(frameLines(sample, frame(100, 13)).some((one) => one.startsWith('ORIGIN')), false);
});

test('says what is being lost', () => {
  const incident = { id: '1', service: 'capture', subject: 'audit', reason: 'overrun', from: '2026-09-21T14:00:00.000Z', to: '', count: 1200, uncounted: 0, openedAt: '', closedAt: null };
  assert.equal(frameLines({ ...SAMPLE, incidents: [incident, { ...incident, subject: 'ebpf', reason: 'not-read', count: 0 }] }, frame(140))[2],
    'incident audit overrun since 2026-09-21 14:00:00.000Z, 1,200 lost; ebpf not-read since 2026-09-21 14:00:00.000Z');
});

const line = (facts: Partial<Sample>): string => frameLines({ ...SAMPLE, ...facts }, frame(140))[2]!;

test('says how much is not witnessed yet, and since when the witnesses are out of reach', () => {
  assert.equal(line({ unwitnessed: { ageMs: null, records: 0, bytes: 0 } }), 'witness  all is witnessed');
  const unwitnessed = { ageMs: 61_000, records: 1200, bytes: 2048 };
  assert.equal(line({ unwitnessed }), 'witness  1,200 records and 2.0 KiB not witnessed yet, the oldest commit 1 min 1 s old');
  assert.match(line({ unwitnessed, unwitnessedSince: '2026-09-21T14:12:00Z' }), /^witness {2}unwitnessed since 2026-09-21T14:12:00Z {3}1,200 records/);
});

test('fits every width and height, and says what is left out', () => {
  for (let columns = 10; columns <= 200; columns += 1) {
    for (const line of frameLines(SAMPLE, frame(columns))) assert.ok([...line].length <= columns, `${columns}: ${line}`);
  }
  const watched = { ...SAMPLE, unwitnessed: { ageMs: 1, records: 2, bytes: 3 } };
  for (let columns = 10; columns <= 200; columns += 1) {
    for (const line of frameLines(watched, frame(columns))) assert.ok([...line].length <= columns, `${columns}: ${line}`);
  }
  const many = { ...SAMPLE, sources: Array.from({ length: 50 }, (_, i) => ({ ...SAMPLE.sources[0]!, source: `web-${i}` })) };
  for (const rows of [1, 5, 7, 10, 24]) assert.ok(frameLines(many, frame(100, rows)).length <= rows);
  assert.match(frameLines(many, frame(100, 24)).at(-1)!, /^… and 33 more sources$/);
});

test('leaves the sparkline out where it would not fit', () => {
  const narrow = trimmed(frameLines(SAMPLE, frame(70)));
  assert.equal(narrow.at(-1), 'web-01          45,200      10 MiB/s      12 ms     1.2 MiB       4');
});

test('says what is not as it should be', () => {
  assert.match(frameLines({ ...SAMPLE, states: { vault: 'stalled' }, checkpointAgeMs: null, eventsPerSecond: null, ackedBytesPerSecond: null }, frame(100)).join('\n'), /vault stalled[^]*no checkpoint yet[^]*- events\/s {3}- acked/);
  assert.match(frameLines({ ...SAMPLE, sources: [] }, frame(100)).join('\n'), /No source has sent anything/);
});

test('draws bars from nothing to the highest, the newest on the right', () => {
  assert.equal(sparkline([], 4), '    ');
  assert.equal(sparkline([0, 0], 4), '    ');
  assert.equal(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8), '▂▃▄▅▆▇██');
  assert.equal(sparkline([9, 9, 0, 5], 3), '█ ▅');
});

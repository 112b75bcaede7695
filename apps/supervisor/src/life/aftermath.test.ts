// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOTHING_KNOWN, zoneOf, type CoverageRecord, type DarkFacts, type Heartbeat } from '@strongroom/service/coverage';
import { Aftermath } from './aftermath.ts';

const SECOND = 1_000_000_000n;
const START = BigInt(Date.parse('2026-03-01T10:00:00Z')) * 1_000_000n;
const before: Heartbeat = { boot: 'a', life: '1', bootNs: 5000n * SECOND, monotonicNs: 5000n * SECOND, wallNs: START, boundNs: null };
const after: Heartbeat = { boot: 'b', life: '2', bootNs: 30n * SECOND, monotonicNs: 30n * SECOND, wallNs: START + 600n * SECOND, boundNs: null };
const later = (seconds: bigint): Heartbeat => ({ ...after, bootNs: after.bootNs + seconds * SECOND, wallNs: after.wallNs + seconds * SECOND });
const power = (seconds: number, more: object): string => JSON.stringify({ device: 'pdu-a', feeds: 1, time: new Date(Number(START / 1_000_000n) + seconds * 1000).toISOString(), ...more });
const answering = (seconds: number, boots: number): string => power(seconds, { type: 'device', state: 'answering', boots });
const off = power(20, { type: 'switched', of: 'outlet', place: '4', from: 'on', to: 'off' });

/** A vault that has these records of the feed. */
function aftermath(records: string[], feeds = 1, ask?: (name: string) => Promise<unknown>) {
  const [asked, sealed, failed]: [[string, unknown][], CoverageRecord[], string[]] = [[], [], []];
  const one = new Aftermath({
    ask: async (name, args) => {
      asked.push([name, args]);
      return ask === undefined ? (name === 'feed-records' ? records : { id: '7-1', time: String(START + 21n * SECOND), bound: null }) : ask(name);
    },
    feeds, everySeconds: 55, seal: (record) => sealed.push(record), told: () => undefined, failed: (what, { message }) => failed.push(`${what}: ${message}`),
  });
  return { one, asked, sealed, failed };
}

/** As the heartbeats do. */
function opened(one: Aftermath, known: Partial<DarkFacts>): void {
  const facts = { ...NOTHING_KNOWN, before, after, ...known };
  one.opened({ zone: zoneOf(facts), facts });
}

test('what is sealed of the feed before the gap is known at once', async () => {
  const { one, asked } = aftermath([off]);
  const known = await one.known(before, after, START + 590n * SECOND);
  assert.deepEqual(known, { lastSealed: { id: '7-1', timeNs: START + 21n * SECOND, boundNs: null }, everySeconds: 55, feedDied: true, othersDied: false });
  assert.deepEqual(asked[0], ['last-before', { until: String(START + 590n * SECOND) }]);
});

test('what the PDU tells when it is back amends what was sealed, once', async () => {
  const records = [answering(-3600, 7)];
  const { one, sealed, asked } = aftermath(records);
  opened(one, await one.known(before, after, after.wallNs));
  await one.look(later(10n));
  assert.equal(asked.length, 2, 'not yet');
  await one.look(later(16n));
  assert.equal(sealed.length, 0);
  records.push(answering(640, 8));
  for (const seconds of [61n, 62n, 301n, 90_000n]) await one.look(later(seconds));
  assert.deepEqual(sealed.map((record) => record.type === 'dark-zone-amended' && [record.zone.cause, record.zone.confidence, record.facts.othersDied, record.timeNs]), [['power-loss', 'likely', true, later(61n).wallNs]]);
  assert.equal(asked.length, 4, 'who is heard of is not asked for again');
});

test('a gap that is no boot, and an appliance that nobody told what feeds it, have no feed to ask for', async () => {
  const same = { ...after, boot: 'a' };
  for (const [one, end] of [[aftermath([off], 0), after], [aftermath([off]), same]] as const) {
    const known = await one.one.known(before, end, end.wallNs);
    assert.equal('feedDied' in known, false);
    opened(one.one, { ...known, after: end });
    await one.one.look(later(90_000n));
    assert.deepEqual(one.asked.map(([name]) => name), ['last-before']);
  }
});

test('a vault that does not answer leaves it unknown, and is asked again', async () => {
  const { one, failed, sealed } = aftermath([], 1, () => Promise.reject(new Error('it is stalled')));
  const known = await one.known(before, after, after.wallNs);
  assert.deepEqual([known.lastSealed, known.feedDied, failed], [null, null, ['last-before: it is stalled', 'feed-records: it is stalled']]);
  opened(one, known);
  for (const seconds of [16n, 61n, 301n, 901n, 3601n, 21_601n, 86_401n, 90_000n]) await one.look(later(seconds));
  assert.deepEqual([failed.length, sealed.length], [9, 0]);
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cause, Confidence } from './causes.table.ts';
import { darkZoneOf } from './dark-zone.ts';
import { NOTHING_KNOWN, type DarkFacts, type Heartbeat } from './facts.ts';

const SECOND = 1_000_000_000n;
const before: Heartbeat = { boot: 'a', life: '1', bootNs: 1000n * SECOND, monotonicNs: 900n * SECOND, wallNs: 1_800_000_000n * SECOND, boundNs: 5n };
const later = (seconds: bigint, more: Partial<Heartbeat> = {}): Heartbeat => ({
  ...before, bootNs: before.bootNs + seconds * SECOND, monotonicNs: before.monotonicNs + seconds * SECOND, wallNs: before.wallNs + seconds * SECOND, ...more,
});
const facts = (more: Partial<DarkFacts> = {}): DarkFacts => ({ ...NOTHING_KNOWN, before, after: later(600n), sourcesAll: 3, ...more });
const booted = later(600n, { boot: 'b', life: '2', bootNs: 20n * SECOND, monotonicNs: 20n * SECOND });
const restarted = later(600n, { life: '2' });

test('each cause is found from what tells of it', () => {
  const cases: readonly (readonly [Partial<DarkFacts>, Cause, Confidence])[] = [
    [{ after: booted, pstore: true, feedDied: true }, 'panic', 'certain'], [{ after: booted, shutdownSealed: true }, 'clean-shutdown', 'certain'], [{ after: booted, feedDied: true }, 'power-loss', 'certain'],
    [{ after: booted, machineShutDown: true }, 'clean-shutdown', 'likely'], [{ after: restarted, shutdownSealed: true }, 'clean-shutdown', 'certain'],
    [{ after: booted, watchdogReset: true, feedDied: false }, 'watchdog-reset', 'certain'], [{ after: booted, feedDied: false }, 'reset', 'likely'], [{ after: booted, othersDied: true }, 'power-loss', 'likely'],
    [{ after: booted }, 'power-loss', 'weak'], [{ after: later(600n, { wallNs: before.wallNs + 4200n * SECOND }) }, 'clock-step', 'certain'], [{ after: restarted, serviceEnded: true }, 'service-crash', 'certain'],
    [{ after: later(600n, { monotonicNs: before.monotonicNs + 9n * SECOND }) }, 'suspended', 'certain'], [{ stalled: true }, 'stalled', 'certain'],
    [{ linkDown: true }, 'network-loss', 'certain'], [{ sourcesSilent: 3 }, 'network-loss', 'likely'], [{ sourcesSilent: 1 }, 'silent-source', 'likely'], [{ sourcesSilent: 1, sourcesAll: 1 }, 'silent-source', 'weak'], [{}, 'unknown', 'weak'],
  ];
  for (const [more, cause, confidence] of cases) {
    const zone = darkZoneOf(facts(more), 60n * SECOND);
    assert.deepEqual([zone?.cause, zone?.confidence], [cause, confidence], JSON.stringify(Object.keys(more)));
  }
});

test('heartbeats in time leave no dark zone, a boot and a restart always do', () => {
  assert.equal(darkZoneOf(facts({ after: later(59n) }), 60n * SECOND), null);
  assert.equal(darkZoneOf(facts({ after: later(10n, { boot: 'b', bootNs: SECOND }) }), 60n * SECOND)?.cause, 'power-loss');
  assert.equal(darkZoneOf(facts({ after: later(2n, { life: '2' }), serviceEnded: true }), 60n * SECOND)?.cause, 'service-crash');
});

test('its ends are the signs of life around it, as exact as the worse clock', () => {
  const zone = darkZoneOf(facts({ after: later(600n, { boundNs: 9n }) }), 60n * SECOND);
  assert.deepEqual([zone?.fromNs, zone?.toNs, zone?.boundNs, zone?.lastedNs], [before.wallNs, before.wallNs + 600n * SECOND, 9n, 600n * SECOND]);
  assert.equal(darkZoneOf(facts({ after: later(600n, { boundNs: null }) }), 60n * SECOND)?.boundNs, null);
  assert.equal(darkZoneOf(facts({ after: booted }), 60n * SECOND)?.lastedNs, null);
});

test('a life that ended without a word was there when it received the last that it sealed, and gone when a heartbeat was due', () => {
  const sealed = (seconds: bigint, boundNs: bigint | null = 7n) => ({ lastSealed: { id: '5-0', timeNs: before.wallNs + seconds * SECOND, boundNs }, everySeconds: 55 });
  const ends = (more: Partial<DarkFacts>): unknown => {
    const { fromNs, beganByNs, boundNs, lastedNs } = darkZoneOf(facts({ after: restarted, ...more }), SECOND)!;
    return [Number((fromNs - before.wallNs) / SECOND), beganByNs === null ? null : Number((beganByNs - before.wallNs) / SECOND), boundNs, lastedNs === null ? null : Number(lastedNs / SECOND)];
  };
  assert.deepEqual(ends(sealed(42n)), [42, 75, 7n, 558]);
  assert.deepEqual(ends(sealed(42n, null)), [42, 75, null, 558]);
  assert.deepEqual(ends({ everySeconds: 55 }), [0, 75, 5n, 600]);
  assert.deepEqual(ends({ ...sealed(42n), after: booted }), [42, 75, 7n, null]);
  assert.deepEqual(ends({ ...sealed(42n), after: { ...booted, bootNs: 540n * SECOND } }), [42, 60, 7n, null], 'it booted before a heartbeat was due');
  assert.deepEqual(ends({ ...sealed(42n), after: { ...booted, bootNs: 590n * SECOND } }), [42, 75, 7n, null], 'a boot before the last that was sealed is one by another clock');
  assert.deepEqual(ends({ ...sealed(90n) }), [90, 600, 7n, 510], 'heartbeats were late');
  for (const [seconds, more] of [[-3n, {}], [601n, {}], [42n, { shutdownSealed: true }]] as const) assert.equal((ends({ ...sealed(seconds), ...more }) as number[])[0], 0);
  assert.deepEqual(ends({ ...sealed(42n), after: later(600n), stalled: true }), [0, null, 5n, 600], 'within one life heartbeats alone tell');
});

test('a clock that was set while nothing ran does not hide that nothing ran', () => {
  const zone = darkZoneOf(facts({ after: later(600n, { life: '2', wallNs: before.wallNs + 4200n * SECOND }), serviceEnded: true }), 60n * SECOND);
  assert.deepEqual([zone?.cause, zone?.others, zone?.lastedNs], ['service-crash', ['clock-step'], 600n * SECOND]);
});

test('what would fit as well is named', () => {
  assert.deepEqual(darkZoneOf(facts({ after: booted, pstore: true, shutdownSealed: true }), SECOND)?.others, ['clean-shutdown', 'power-loss']);
});

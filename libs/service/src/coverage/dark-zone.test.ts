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

test('a clock that was set while nothing ran does not hide that nothing ran', () => {
  const zone = darkZoneOf(facts({ after: later(600n, { life: '2', wallNs: before.wallNs + 4200n * SECOND }), serviceEnded: true }), 60n * SECOND);
  assert.deepEqual([zone?.cause, zone?.others, zone?.lastedNs], ['service-crash', ['clock-step'], 600n * SECOND]);
});

test('what would fit as well is named', () => {
  assert.deepEqual(darkZoneOf(facts({ after: booted, pstore: true, shutdownSealed: true }), SECOND)?.others, ['clean-shutdown', 'power-loss']);
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cause, Confidence } from './causes.table.ts';
import { darkZoneOf } from './dark-zone.ts';
import type { DarkFacts, Heartbeat } from './facts.ts';

const SECOND = 1_000_000_000n;
const before: Heartbeat = { boot: 'a', bootNs: 1000n * SECOND, wallNs: 1_800_000_000n * SECOND, boundNs: 5n };
const later = (seconds: bigint, more: Partial<Heartbeat> = {}): Heartbeat => ({ ...before, bootNs: before.bootNs + seconds * SECOND, wallNs: before.wallNs + seconds * SECOND, ...more });
const facts = (more: Partial<DarkFacts> = {}): DarkFacts => ({
  before, after: later(600n), pstore: false, shutdownSealed: false, watchdogReset: false, feedDied: null, othersDied: false, serviceEnded: false, linkDown: false, sourcesSilent: 0, sourcesAll: 3, stepSeconds: 1, ...more,
});
const booted = later(600n, { boot: 'b', bootNs: 20n * SECOND });

test('each cause is found from what tells of it', () => {
  const cases: readonly (readonly [Partial<DarkFacts>, Cause, Confidence])[] = [
    [{ after: booted, pstore: true, feedDied: true }, 'panic', 'certain'], [{ after: booted, shutdownSealed: true }, 'clean-shutdown', 'certain'], [{ after: booted, feedDied: true }, 'power-loss', 'certain'],
    [{ after: booted, watchdogReset: true, feedDied: false }, 'watchdog-reset', 'certain'], [{ after: booted, feedDied: false }, 'reset', 'likely'], [{ after: booted, othersDied: true }, 'power-loss', 'likely'],
    [{ after: booted }, 'power-loss', 'weak'], [{ after: later(600n, { wallNs: before.wallNs + 4200n * SECOND }) }, 'clock-step', 'certain'], [{ serviceEnded: true }, 'service-crash', 'certain'],
    [{ linkDown: true }, 'network-loss', 'certain'], [{ sourcesSilent: 3 }, 'network-loss', 'likely'], [{ sourcesSilent: 1 }, 'silent-source', 'likely'], [{}, 'unknown', 'weak'],
  ];
  for (const [more, cause, confidence] of cases) {
    const zone = darkZoneOf(facts(more), 60n * SECOND);
    assert.deepEqual([zone?.cause, zone?.confidence], [cause, confidence], JSON.stringify(Object.keys(more)));
  }
});

test('heartbeats in time leave no dark zone, a boot always does', () => {
  assert.equal(darkZoneOf(facts({ after: later(59n) }), 60n * SECOND), null);
  assert.equal(darkZoneOf(facts({ after: later(10n, { boot: 'b', bootNs: SECOND }) }), 60n * SECOND)?.cause, 'power-loss');
});

test('its ends are the signs of life around it, as exact as the worse clock', () => {
  const zone = darkZoneOf(facts({ after: later(600n, { boundNs: 9n }) }), 60n * SECOND);
  assert.deepEqual([zone?.fromNs, zone?.toNs, zone?.boundNs], [before.wallNs, before.wallNs + 600n * SECOND, 9n]);
  assert.equal(darkZoneOf(facts({ after: later(600n, { boundNs: null }) }), 60n * SECOND)?.boundNs, null);
});

test('what would fit as well is named', () => {
  assert.deepEqual(darkZoneOf(facts({ after: booted, pstore: true, shutdownSealed: true }), SECOND)?.others, ['clean-shutdown', 'power-loss']);
});

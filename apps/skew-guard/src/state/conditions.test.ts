// SPDX-License-Identifier: Apache-2.0
// Single conditions of the guard, by observations that are written out: each is here because without it only a rare course of events
// would go wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reference } from '../bound/reference.ts';
import { Guard, type GuardSettings, type Judgement } from './guard.ts';

const SECOND = 1_000_000_000n;
const SETTINGS: GuardSettings = { oscillatorPpb: 1000, holdoverPpb: 15_000, holdoverNsMax: 86_400n * SECOND };
const UTC = 1_800_000_000n * SECOND;
/** Bound of a clock that is measured as here. */
const SMALL = 100_000n;

interface Look {
  readonly second: number;
  /** Seconds since boot in which the machine slept. */
  readonly slept?: number;
  /** By how much the wall clock is set off. */
  readonly setNs?: bigint;
  /** Null: nobody disciplines it. */
  readonly update: string | null;
  readonly offsetNs?: number;
  readonly skewPpb?: number;
  /** How old the measurement is by the wall clock. */
  readonly ageNs?: bigint;
}

function looked(guard: Guard, { second, slept = 0, setNs = 0n, update, offsetNs = 0, skewPpb = 100, ageNs = SECOND / 10n }: Look): Judgement {
  const monotonicNs = BigInt(second) * SECOND;
  const wallNs = UTC + monotonicNs + setNs;
  const reference: Reference | null = update === null ? null : {
    offsetNs, rootDelayNs: 20_000, rootDispersionNs: 5000, residualPpb: 0, skewPpb, wanderNs: 1000, update, updatedAtNs: wallNs - ageNs, intervalNs: 1e9, leap: 'none',
  };
  return guard.judge({ moment: { monotonicNs, wallNs, bootNs: monotonicNs + BigInt(slept) * SECOND }, reference, why: null, sources: [], checks: [] });
}

/** One that is locked at second 2. */
function locked(): Guard {
  const guard = new Guard(SETTINGS);
  looked(guard, { second: 1, update: 'a' });
  assert.equal(looked(guard, { second: 2, update: 'b' }).state, 'locked');
  return guard;
}

test('a measurement that is first heard of together with a step may be from before it: times go on by the monotonic clock', () => {
  const { state, claim } = looked(locked(), { second: 3, setNs: 3n * SECOND, update: 'c' });
  assert.equal(state, 'stepped');
  assert.ok(claim!.utcNs === UTC + 3n * SECOND && claim!.boundNs < SMALL, `${claim!.utcNs - UTC} ${claim!.boundNs}`);
});

test('unless it is off by as much: then the discipline runs after the step, and the monotonic clock with it', () => {
  const { state, claim } = looked(locked(), { second: 3, setNs: SECOND / 2n, update: 'c', offsetNs: -500_000_000 });
  assert.equal(state, 'stepped');
  assert.ok(claim!.utcNs === UTC + 3n * SECOND + SECOND / 2n && claim!.boundNs >= SECOND, String(claim!.boundNs));
  assert.ok(claim!.untilNextPpb > 80_000_000n);
});

test('a discipline that puts much right when the guard begins says nothing yet either', () => {
  assert.deepEqual(looked(new Guard(SETTINGS), { second: 1, update: 'a', offsetNs: 150_000 }).claim, null);
});

test('more than 0.2 ms is a step; less widens the bound until it is measured', () => {
  const step = looked(locked(), { second: 3, setNs: 300_000n, update: 'b' });
  assert.deepEqual([step.step, step.state], [{ kind: 'set', byNs: 300_000n }, 'stepped']);
  const guard = locked();
  const before = looked(guard, { second: 3, update: 'b' }).claim!.boundNs;
  const stray = looked(guard, { second: 4, setNs: 150_000n, update: 'b' });
  assert.deepEqual([stray.step, stray.state, stray.claim!.boundNs - before], [null, 'locked', 150_000n]);
  // The measurement that is heard of now may have been taken before.
  assert.ok(looked(guard, { second: 5, setNs: 150_000n, update: 'c' }).claim!.boundNs < SMALL);
});

test('a step is in the bound until the discipline has measured four times since', () => {
  const guard = locked();
  looked(guard, { second: 3, setNs: 2n * SECOND, update: 'b' });
  for (const [second, update] of [[4, 'c'], [5, 'd'], [6, 'e']] as const) {
    const { state, claim } = looked(guard, { second, setNs: 2n * SECOND, update });
    assert.ok(state === 'stepped' && claim!.boundNs >= 2n * SECOND, update);
  }
  const { state, claim } = looked(guard, { second: 7, setNs: 2n * SECOND, update: 'f' });
  assert.ok(state === 'locked' && claim!.boundNs < SMALL);
});

test('steps add up, one that takes another back too', () => {
  const guard = locked();
  looked(guard, { second: 3, setNs: SECOND, update: 'b' });
  looked(guard, { second: 4, update: 'b' });
  assert.ok(looked(guard, { second: 5, update: 'c' }).claim!.boundNs >= 2n * SECOND);
});

test('one that was got over does not count with the next', () => {
  const guard = locked();
  looked(guard, { second: 3, setNs: 5n * SECOND, update: 'b' });
  for (const [second, update] of [[4, 'c'], [5, 'd'], [6, 'e'], [7, 'f']] as const) looked(guard, { second, setNs: 5n * SECOND, update });
  looked(guard, { second: 8, setNs: 6n * SECOND, update: 'f' });
  const { claim } = looked(guard, { second: 9, setNs: 6n * SECOND, update: 'g' });
  assert.ok(claim!.boundNs >= SECOND && claim!.boundNs < 2n * SECOND, String(claim!.boundNs));
});

test('a measurement that comes together with a small move may be from before it', () => {
  const guard = locked();
  const before = looked(guard, { second: 3, update: 'c' }).claim!.boundNs;
  assert.ok(looked(guard, { second: 4, setNs: 150_000n, update: 'd' }).claim!.boundNs >= before + 150_000n);
});

test('whoever is left alone after a step reckons with a discipline that ran after it, and nobody else does', () => {
  for (const [update, isAlone] of [['b', false], [null, true]] as const) {
    const guard = locked();
    looked(guard, { second: 3, setNs: SECOND, update: 'b' });
    const { claim } = looked(guard, { second: 4, setNs: SECOND, update });
    assert.equal(claim!.boundNs > 90_000_000n, isAlone, String(claim!.boundNs));
  }
});

test('a machine that slept has no line to its past, whatever its wall clock did meanwhile', () => {
  // As it should, not at all (somebody put it back), and set as well.
  for (const setNs of [500n * SECOND, 0n, 4100n * SECOND]) {
    const guard = locked();
    const { step, claim } = looked(guard, { second: 3, slept: 500, setNs, update: 'b' });
    assert.deepEqual([step?.kind, claim], ['slept', null], String(setNs));
    // What the discipline says once it has measured may still be of before.
    const { state, claim: later } = looked(guard, { second: 4, slept: 500, setNs, update: 'c' });
    assert.ok(state === 'stepped' && later!.boundNs >= 500n * SECOND);
  }
});

test('on its own a clock grows worse as fast as it was known to, or as any oscillator may, whichever is more', () => {
  for (const [skewPpb, growthPpb] of [[100, 16_000n], [50_000, 51_000n]] as const) {
    const guard = locked();
    looked(guard, { second: 3, update: 'c', skewPpb });
    assert.equal(looked(guard, { second: 4, update: null }).claim!.growthPpb, growthPpb);
  }
});

test('a measurement that was old already when it was heard of is overdue; one of the future, or of last year, has no age', () => {
  for (const [ageNs, state] of [[60n * SECOND, 'holdover'], [-60n * SECOND, 'locked'], [400n * 86_400n * SECOND, 'locked']] as const) {
    const guard = locked();
    assert.equal(looked(guard, { second: 3, update: 'c', ageNs }).state, state, String(ageNs));
  }
});

/** The next life of a guard of which the last one said so at second 1, when the wall clock was as it is now. */
function nextLife(utcNs: bigint): Guard {
  return new Guard(SETTINGS, { claim: { utcNs, boundNs: SMALL, growthPpb: 1100n, untilNextPpb: 0n }, monotonicNs: SECOND, wallNs: UTC + SECOND });
}

test('what was said before and excludes what is measured now is a contradiction, by as much as lies between', () => {
  const guard = nextLife(UTC + 2n * SECOND);
  assert.equal(looked(guard, { second: 2, update: 'a' }).contradictionNs, null);
  const { claim, contradictionNs } = looked(guard, { second: 3, update: 'b' });
  assert.equal(claim!.utcNs, UTC + 3n * SECOND);
  assert.ok(contradictionNs! > SECOND - 4n * SMALL && contradictionNs! < SECOND, String(contradictionNs));
  assert.equal(looked(guard, { second: 4, update: 'b' }).contradictionNs, null);
});

test('a small move in a life in which nothing was measured yet is in the bound too', () => {
  const guard = nextLife(UTC + SECOND);
  const first = looked(guard, { second: 2, update: 'a', offsetNs: -400_000_000 }).claim!.boundNs;
  assert.ok(looked(guard, { second: 3, setNs: 150_000n, update: 'a', offsetNs: -400_000_000 }).claim!.boundNs >= first + 150_000n);
});

test('a sleep that is too short to be told from a clock that was set is in the bound', () => {
  // The monotonic clock stood still for 30 ms, and the wall clock was put right by the kernel: true time went on.
  const guard = locked();
  const { claim, step } = looked(guard, { second: 3, setNs: 30_000_000n, update: 'b' });
  assert.equal(step?.kind, 'set');
  const trueNs = UTC + 3n * SECOND + 30_000_000n;
  assert.ok(claim!.utcNs - claim!.boundNs <= trueNs && trueNs <= claim!.utcNs + claim!.boundNs, String(claim!.boundNs));
  const longer = looked(locked(), { second: 3, setNs: SECOND / 2n, update: 'b' });
  assert.ok(longer.claim!.boundNs < SMALL, 'a sleep of half a second shows');
});

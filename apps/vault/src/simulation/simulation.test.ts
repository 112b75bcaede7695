// SPDX-License-Identifier: Apache-2.0
// Seeds 0 to 1999 of the simulator, as many as the time allows; STRONGROOM_SIMULATIONS and STRONGROOM_SIMULATION_SEED run
// more and others. docs/DURABILITY.md says what is simulated.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runSeed } from './scenario.ts';

const FIRST = Number(process.env['STRONGROOM_SIMULATION_SEED'] ?? 0);
const ASKED = process.env['STRONGROOM_SIMULATIONS'];
const COUNT = Number(ASKED ?? 2000);
/** So that a slow machine runs fewer, and fails none. */
const BUDGET_MS = ASKED === undefined ? 75_000 : Infinity;

/** Seeds that found something once, by what they found: docs/DURABILITY.md. */
const FOUND: readonly (readonly [seed: number, what: string])[] = [
  [38, 'directories of tiles that a killed vault had made and not synced'],
  [54, 'a disk that was full when the first publication was due'],
  [17, 'a disk that was full before recovery'],
  [936, 'a disk that was full before the store had its directories'],
];

it('does the same again for the same seed', async () => {
  for (const seed of [1, 2, 3]) assert.equal((await runSeed(seed)).fingerprint, (await runSeed(seed)).fingerprint);
  assert.notEqual((await runSeed(1)).fingerprint, (await runSeed(2)).fingerprint);
});

it('keeps its word in every seed', async (test) => {
  const endMs = performance.now() + BUDGET_MS;
  const sum = { seeds: 0, operations: 0, starts: 0, kills: 0, cuts: 0, acknowledgements: 0 };
  for (let seed = FIRST; seed < FIRST + COUNT && performance.now() < endMs; seed += 1) {
    const ran = await runSeed(seed);
    sum.seeds += 1;
    for (const name of ['operations', 'starts', 'kills', 'cuts', 'acknowledgements'] as const) sum[name] += ran[name];
    if (ran.violation !== null) assert.fail(failureOf(seed, ran.violation));
  }
  test.diagnostic(Object.entries(sum).map(([name, count]) => `${count} ${name}`).join(', '));
});

for (const [seed, what] of FOUND) {
  it(`survives ${what} (seed ${seed})`, async () => {
    const { violation } = await runSeed(seed);
    if (violation !== null) assert.fail(failureOf(seed, violation));
  });
}

function failureOf(seed: number, violation: Error): string {
  return `seed ${seed}: ${violation.message}\nto repeat it: STRONGROOM_SIMULATION_SEED=${seed} STRONGROOM_SIMULATIONS=1 node_modules/.bin/node --test apps/vault/src/simulation/simulation.test.ts`;
}

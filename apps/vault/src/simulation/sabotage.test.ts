// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SABOTAGES } from './sabotage.ts';
import { runSeed } from './scenario.ts';

/** For all of them, so that a slow machine fails none. */
const BUDGET_MS = 200_000;
const endMs = performance.now() + BUDGET_MS;
/** Twice as many as the slowest of them took. */
const SEEDS_MAX = 400;

describe('the simulation finds it when', () => {
  for (const { what, tamper } of SABOTAGES) {
    it(what, async (test) => {
      for (let seed = 0; seed < SEEDS_MAX; seed += 1) {
        if (performance.now() > endMs) return test.skip('machine: too slow to look further');
        const { violation } = await runSeed(seed, { tamper });
        if (violation === null) continue;
        return test.diagnostic(`seed ${seed}: ${violation.message.slice(0, 200)}`);
      }
      assert.fail(`${SEEDS_MAX} seeds did not find it`);
    });
  }
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SABOTAGES } from './sabotage.ts';
import { runSeed } from './scenario.ts';

/** Twice as many as the slowest of them took. */
const SEEDS_MAX = 400;

describe('the simulation finds it when', () => {
  for (const { what, tamper } of SABOTAGES) {
    it(what, async (test) => {
      for (let seed = 0; seed < SEEDS_MAX; seed += 1) {
        const { violation } = await runSeed(seed, { tamper });
        if (violation === null) continue;
        return test.diagnostic(`seed ${seed}: ${violation.message.slice(0, 200)}`);
      }
      assert.fail(`${SEEDS_MAX} seeds did not find it`);
    });
  }
});

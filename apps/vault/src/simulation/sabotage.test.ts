// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Found } from './sabotage-task.ts';
import { SABOTAGES } from './sabotage.ts';
import { inThreads } from './threads.ts';

const { results } = inThreads<Found | null>(new URL('sabotage-task.ts', import.meta.url), SABOTAGES.length);

describe('the simulation finds it when', () => {
  for (const [i, { what }] of SABOTAGES.entries()) {
    it(what, async (test) => {
      const found = await results[i]!;
      assert.notEqual(found, null, 'nothing found it');
      test.diagnostic(`${found!.seed === null ? 'its scene' : `seed ${found!.seed}`}: ${found!.what.slice(0, 200)}`);
    });
  }
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explore, type Bounds, type Explored } from './explore.ts';
import { SABOTAGES } from './sabotage.ts';
import { SCENES } from './scenes.ts';
import { inThreads } from './threads.ts';

/** STRONGROOM_EXPLORE=all tries every outcome up to 4096 a crash, and crashes every recovery again: hours. */
const BOUNDS: Bounds = process.env['STRONGROOM_EXPLORE'] === 'all'
  ? { outcomesMax: 4096, everyNth: 1, outcomesOfSecondMax: 64, budgetMs: Infinity }
  : { outcomesMax: 8, everyNth: 100, outcomesOfSecondMax: 2, budgetMs: 12_000 };

const { results } = inThreads<Explored>(new URL('explore-task.ts', import.meta.url), SCENES.length, BOUNDS);

describe('a crash before every operation of', () => {
  for (const [i, scene] of SCENES.entries()) {
    it(scene.name, async (test) => {
      const { violation, crashes, outcomes, states, bounded, secondCrashes, secondStates, leftOut } = (await results[i]!)!;
      test.diagnostic(`${crashes} crashes (of ${bounded} not every outcome), ${outcomes} outcomes, ${states} different; ${secondCrashes} crashes of their recoveries, ${secondStates} different; no time for ${leftOut}`);
      assert.equal(violation, null);
    });
  }
});

it('finds a segment that is not synced', async () => {
  const { violation } = await explore(SCENES.find(({ name }) => name === 'one commit')!, BOUNDS, SABOTAGES[0]!.tamper);
  assert.notEqual(violation, null);
});

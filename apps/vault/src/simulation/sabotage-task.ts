// SPDX-License-Identifier: Apache-2.0
import { explore, type Bounds } from './explore.ts';
import { SABOTAGES } from './sabotage.ts';
import { runSeed } from './scenario.ts';
import { SCENES } from './scenes.ts';
import { serve, type Task } from './threads.ts';

/** Twice as many as the slowest of them took. */
const SEEDS_MAX = 400;

/** Once a violation is found nothing more is tried. */
const BOUNDS: Bounds = { outcomesMax: 8, everyNth: Infinity, outcomesOfSecondMax: 0, budgetMs: 600_000 };

export interface Found {
  /** Null where it was a scene. */
  readonly seed: number | null;
  readonly what: string;
}

/** The first seed that finds it, those first that found it before; null: none does. */
const task: Task<Found | null, null> = async (number) => {
  const { tamper, foundBy, scene } = SABOTAGES[number]!;
  if (scene !== undefined) {
    const { violation } = await explore(SCENES.find(({ name }) => name === scene)!, BOUNDS, tamper);
    return violation === null ? null : { seed: null, what: violation };
  }
  for (const seed of new Set([...foundBy, ...Array(SEEDS_MAX).keys()])) {
    const { violation } = await runSeed(seed, { tamper });
    if (violation !== null) return { seed, what: violation.message };
  }
  return null;
};

await serve(task);

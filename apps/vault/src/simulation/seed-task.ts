// SPDX-License-Identifier: Apache-2.0
import { runSeed, type Ran } from './scenario.ts';
import { serve, type Task } from './threads.ts';

export interface Seeds {
  readonly first: number;
  /** Milliseconds since 1970 after which none is begun. */
  readonly endMs: number;
}

/** The life of a seed; null: there was no time for it. */
const task: Task<Ran | null, Seeds> = async (number, { first, endMs }) => (Date.now() > endMs ? null : runSeed(first + number));

await serve(task);

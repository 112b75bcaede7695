// SPDX-License-Identifier: Apache-2.0
// Seeds 0 to 1999 of the simulator, as many as the time allows; STRONGROOM_SIMULATIONS and STRONGROOM_SIMULATION_SEED run
// more and others. docs/DURABILITY.md says what is simulated.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Seeded, fingerprint, type DiskImage } from '@strongroom/testing';
import { Machine } from './machine.ts';
import { liveOf, runSeed, type Ran } from './scenario.ts';
import type { Seeds } from './seed-task.ts';
import { inThreads } from './threads.ts';

const FIRST = Number(process.env['STRONGROOM_SIMULATION_SEED'] ?? 0);
const ASKED = process.env['STRONGROOM_SIMULATIONS'];
const COUNT = Number(ASKED ?? 2000);
/** So that a slow machine runs fewer, and fails none. */
const BUDGET_MS = ASKED === undefined ? 120_000 : Infinity;

it('does the same again for the same seed', async () => {
  for (const seed of [1, 2, 3]) assert.equal((await runSeed(seed)).fingerprint, (await runSeed(seed)).fingerprint);
  assert.notEqual((await runSeed(1)).fingerprint, (await runSeed(2)).fingerprint);
});

it('keeps its word in every seed', async (test) => {
  const seeds: Seeds = { first: FIRST, endMs: Date.now() + BUDGET_MS };
  const { results, stop } = inThreads<Ran | null>(new URL('seed-task.ts', import.meta.url), COUNT, seeds);
  const rot = { noticed: 0, 'without meaning': 0 };
  const sum = { seeds: 0, operations: 0, starts: 0, kills: 0, cuts: 0, acknowledgements: 0, destroyed: 0 };
  for (const result of results) {
    const ran = await result;
    if (ran === null) continue;
    sum.seeds += 1;
    for (const name of ['operations', 'starts', 'kills', 'cuts', 'acknowledgements', 'destroyed'] as const) sum[name] += ran[name];
    if (ran.rot !== null) rot[ran.rot] += 1;
    if (ran.violation === null) continue;
    stop();
    assert.fail(failureOf(ran.seed, ran.violation));
  }
  test.diagnostic(Object.entries(sum).map(([name, count]) => `${count} ${name}`).join(', ') + `; bits that turned over: ${rot.noticed} noticed, ${rot['without meaning']} without meaning`);
});

function failureOf(seed: number, violation: Error): string {
  return `seed ${seed}: ${violation.message}\nto repeat it: STRONGROOM_SIMULATION_SEED=${seed} STRONGROOM_SIMULATIONS=1 node_modules/.bin/node --test apps/vault/src/simulation/simulation.test.ts`;
}

it('is refused by a token without its keys, and leaves the store as it was', async () => {
  const { machine } = await liveOf(1);
  const image = machine.image.clone();
  const before = storeOf(image, machine);
  const other = new Machine({ random: new Seeded('another token'), sizes: machine.options.sizes, image });
  other.start();
  await other.time.run(() => other.violation !== null || other.vault?.isListening === true, 60_000);
  assert.match(other.violation!.message, /: (vault\.(rollback|log-key|foreign-log)|note\.[a-z-]+|checkpoint\.[a-z-]+): /);
  assert.deepEqual(storeOf(image, machine), before);
});

function storeOf(image: DiskImage, { paths }: Machine): string[] {
  return [...image.files(paths.store)].map(([path, { cache }]) => `${path} ${fingerprint(cache)}`);
}

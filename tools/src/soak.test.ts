// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { soakOptions, soakSteps } from './soak.ts';

const ROOT = join(import.meta.dirname, '../..');

test('a round is a million fuzz cases, simulated lives of a vault and of a clock, a hundred months of faults, five hundred kills, a hundred power cuts, storms and a boot of the units, with files that are there', () => {
  const options = soakOptions([], 7)!;
  const steps = soakSteps(options, options.seed);
  assert.deepEqual(steps.map(({ environment }) => environment), [
    { STRONGROOM_FUZZ_CASES: '1000000', STRONGROOM_FUZZ_SEED: '7' },
    { STRONGROOM_SIMULATIONS: '20000', STRONGROOM_SIMULATION_SEED: '140000' },
    { STRONGROOM_EXPLORE: 'all' },
    { STRONGROOM_CLOCK_LIVES: '5000', STRONGROOM_SEED: '35000' },
    { STRONGROOM_CLOCK_LOOKS: '200' },
    { STRONGROOM_MONTHS: '100', STRONGROOM_SEED: '700', STRONGROOM_HABIT_WEEKS: '55' },
    { STRONGROOM_KILLS: '500', STRONGROOM_SEED: '7' },
    { STRONGROOM_POWER_CUTS: '100', STRONGROOM_POWER_CUT_RECORDS: '2000', STRONGROOM_SEED: '7' },
    { STRONGROOM_STORM_EXECS: '50000', STRONGROOM_STORM_FILES: '200000', STRONGROOM_STORM_PROCESSES: '25000', STRONGROOM_STORM_STRESS: '5000', STRONGROOM_STOPPED_SECONDS: '30' },
    { STRONGROOM_DENIALS: '1' },
    { STRONGROOM_CAUSES: '1' },
    { STRONGROOM_BOOT: 'long' },
  ]);
  for (const { files } of steps) {
    assert.ok(files.length > 0);
    for (const file of files) assert.ok(existsSync(join(ROOT, file)), file);
  }
});

test('a part can be run alone, with numbers of its own', () => {
  const options = soakOptions(['--only', 'fuzz', '--cases', '5000', '--hours', '0.5', '--seed', '3'], 1)!;
  assert.equal(options.hours, 0.5);
  assert.deepEqual(soakSteps(options, 3).map(({ environment }) => environment), [{ STRONGROOM_FUZZ_CASES: '5000', STRONGROOM_FUZZ_SEED: '3' }]);
});

for (const args of [['--hours', 'long'], ['--kills', '0'], ['--only', 'rest'], ['--what'], ['more']]) {
  test(`${args.join(' ')} is refused`, () => assert.throws(() => soakOptions(args, 1), { code: 'soak.options' }));
}

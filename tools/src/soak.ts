// SPDX-License-Identifier: Apache-2.0
// `npm run soak`: the long forms of tests that are short in `npm test`, which they read from environment variables. Each
// round has a seed of its own and prints it; a failure ends the soak and is repeated by the command that it prints.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Refused } from '@strongroom/bytes';

const ROOT = join(import.meta.dirname, '../..');
const HOUR_MS = 3_600_000;
/** For one test file; only so that one that hangs ends. */
const TIMEOUT_MS = 24 * HOUR_MS;
const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

const USAGE = `npm run soak -- [options]

  --hours N   go on with new seeds until so many hours are over; without it, one round
  --cases N   fuzz cases of a round (1000000)
  --kills N   kill -9 of a round, at random moments under load (500)
  --cuts N    points at which a guest's power is cut, on each file system (100)
  --simulations N  seeds of the simulated vault in a round (20000)
  --months N  months of faults with known truth, which coverage must name (100)
  --execs N   programs that are executed in storms of kernel events; four times as many operations on files (50000)
  --clocks N  lives of a simulated clock in a round (5000)
  --seed N    seed of the first round; the next ones count on
  --only P    fuzz, simulate, explore, clock, months, kill, power, storm, denials, causes or boot`;

/** Looks at each of seven real clocks or so, with 500 stamps after each. */
const CLOCK_LOOKS = 200;
const STAMPS = CLOCK_LOOKS * 500 * 3;

export interface SoakOptions {
  readonly hours: number;
  readonly cases: number;
  readonly kills: number;
  readonly cuts: number;
  readonly simulations: number;
  readonly months: number;
  readonly execs: number;
  readonly clocks: number;
  readonly seed: number;
  readonly only: string | undefined;
}

export interface Step {
  readonly title: string;
  /** Relative to the root. */
  readonly files: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Null when help is wanted. Throws `Refused('soak.options')`. */
export function soakOptions(args: readonly string[], seed: number): SoakOptions | null {
  const { values } = parse(args);
  if (values.help === true) return null;
  if (values.only !== undefined && !['fuzz', 'simulate', 'explore', 'clock', 'months', 'kill', 'power', 'storm', 'denials', 'causes', 'boot'].includes(values.only)) throw refused(`--only does not know "${values.only}"`);
  return {
    hours: amount(values.hours, 'hours', 0), cases: amount(values.cases, 'cases', 1_000_000), kills: amount(values.kills, 'kills', 500), cuts: amount(values.cuts, 'cuts', 100),
    simulations: amount(values.simulations, 'simulations', 20_000), clocks: amount(values.clocks, 'clocks', 5000), months: amount(values.months, 'months', 100), execs: amount(values.execs, 'execs', 50_000),
    seed: amount(values.seed, 'seed', seed), only: values.only,
  };
}

/** What a round with this seed runs. */
export function soakSteps({ cases, kills, cuts, simulations, clocks, months, execs, only }: SoakOptions, seed: number): Step[] {
  const steps = [
    {
      part: 'fuzz', title: `${cases} fuzz cases, seed ${seed}`, files: globSync('{libs,apps}/*/src/**/*.fuzz.test.ts', { cwd: ROOT }),
      environment: { STRONGROOM_FUZZ_CASES: String(cases), STRONGROOM_FUZZ_SEED: String(seed) },
    },
    {
      part: 'simulate', title: `${simulations} simulated lives of a vault, from seed ${seed * simulations}`, files: ['apps/vault/src/simulation/simulation.test.ts'],
      environment: { STRONGROOM_SIMULATIONS: String(simulations), STRONGROOM_SIMULATION_SEED: String(seed * simulations) },
    },
    {
      part: 'explore', title: 'a crash before every operation, and of every recovery again', files: ['apps/vault/src/simulation/explore.test.ts'],
      environment: { STRONGROOM_EXPLORE: 'all' },
    },
    {
      part: 'clock', title: `${clocks} lives of a clock of which the truth is known, from seed ${seed * clocks}`, files: ['apps/skew-guard/src/state/guard.test.ts'],
      environment: { STRONGROOM_CLOCK_LIVES: String(clocks), STRONGROOM_SEED: String(seed * clocks) },
    },
    {
      part: 'clock', title: `${STAMPS.toLocaleString('en')} stamps by real chronyds, some off, lying, drifting, late or dying`, files: ['apps/skew-guard/src/chrony/follow.test.ts'],
      environment: { STRONGROOM_CLOCK_LOOKS: String(CLOCK_LOOKS) },
    },
    {
      part: 'months', title: `${months} months of faults of power, clock and network, from seed ${seed * months}; and habits over a year`, files: ['apps/supervisor/src/life/month.test.ts', 'libs/service/src/coverage/habit.test.ts'],
      environment: { STRONGROOM_MONTHS: String(months), STRONGROOM_SEED: String(seed * months), STRONGROOM_HABIT_WEEKS: '55' },
    },
    {
      part: 'kill', title: `${kills} kills under load, seed ${seed}`, files: ['suites/src/kill.test.ts'],
      environment: { STRONGROOM_KILLS: String(kills), STRONGROOM_SEED: String(seed) },
    },
    {
      part: 'power', title: `power cut at ${cuts} points on each file system, seed ${seed}`, files: ['suites/src/power-cut.test.ts'],
      environment: { STRONGROOM_POWER_CUTS: String(cuts), STRONGROOM_POWER_CUT_RECORDS: '2000', STRONGROOM_SEED: String(seed) },
    },
    {
      part: 'storm', title: `storms of kernel events: ${execs} programs executed, ${4 * execs} operations on files; and capture stopped for 30 s`,
      files: ['suites/src/storms.test.ts', 'suites/src/kernel-faults.test.ts'],
      environment: {
        STRONGROOM_STORM_EXECS: String(execs), STRONGROOM_STORM_FILES: String(4 * execs), STRONGROOM_STORM_PROCESSES: String(Math.ceil(execs / 2)),
        STRONGROOM_STORM_STRESS: String(Math.ceil(execs / 10)), STRONGROOM_STOPPED_SECONDS: '30',
      },
    },
    { part: 'denials', title: 'ports that AppArmor and SELinux refuse, in a guest', files: ['suites/src/denials.test.ts'], environment: { STRONGROOM_DENIALS: '1' } },
    { part: 'causes', title: 'a guest that panics, is reset by its watchdog, sleeps: why, by what is left', files: ['apps/supervisor/src/life/causes.test.ts'], environment: { STRONGROOM_CAUSES: '1' } },
    {
      part: 'boot', title: 'the units under systemd: each stops answering, power goes off and on, memory is short', files: ['suites/src/boot.test.ts', 'suites/src/boot-memory.test.ts'],
      environment: { STRONGROOM_BOOT: 'long' },
    },
  ];
  return steps.filter(({ part }) => only === undefined || only === part);
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ args: [...args], options: { hours: text, cases: text, kills: text, cuts: text, simulations: text, clocks: text, months: text, execs: text, seed: text, only: text, help: { type: 'boolean' } } });
  } catch (error) {
    throw refused((error as Error).message);
  }
}

function amount(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}(\.\d{1,3})?$/.test(text) || Number(text) === 0) throw refused(`--${name} ${text} is no amount`);
  return name === 'hours' ? Number(text) : Math.ceil(Number(text));
}

function refused(what: string): Refused {
  return new Refused('soak.options', what, { fix: 'npm run soak -- --help' });
}

/** Rounds until the time is over, at least one. Returns the exit code. */
function soak(options: SoakOptions): number {
  const endMs = Date.now() + options.hours * HOUR_MS;
  let seed = options.seed;
  do {
    for (const step of soakSteps(options, seed)) {
      const start = Date.now();
      console.log(`soak: ${new Date().toISOString()} ${step.title}\nsoak: ${commandOf(step)}`);
      const passed = spawnSync(process.execPath, testArguments(step), { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...step.environment } }).status === 0;
      console.log(`soak: ${passed ? 'passed' : 'FAILED'} after ${Math.round((Date.now() - start) / 1000)} s: ${step.title}`);
      if (passed) continue;
      console.log(`soak: to repeat it: ${commandOf(step)}`);
      return EXIT.failed;
    }
    seed += 1;
  } while (Date.now() < endMs);
  console.log(`soak: all passed, seeds ${options.seed} to ${seed - 1}`);
  return EXIT.ok;
}

function testArguments({ files }: Step): string[] {
  return ['--test', '--test-concurrency=1', `--test-timeout=${TIMEOUT_MS}`, ...files];
}

function commandOf({ environment, files }: Step): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return [...variables, 'node_modules/.bin/node --test', ...files].join(' ');
}

if (import.meta.main) {
  try {
    const options = soakOptions(process.argv.slice(2), Math.floor(Date.now() / 1000) % 1_000_000);
    if (options === null) console.log(USAGE);
    else process.exitCode = soak(options);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(`soak: ${error.message}\n\n${USAGE}`);
    process.exitCode = EXIT.usage;
  }
}

// SPDX-License-Identifier: Apache-2.0
// How useful the clock's bound is, and what it costs: a whole appliance beside a real chronyd that asks a server on loopback. The server
// tells this machine's own clock, so true time is known, and each stamp is held against it.
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { BOUND_UNKNOWN } from '@strongroom/evidence';
import { AnchoredClock, nowNs } from '@strongroom/service';
import { Chronyd, chronycProgram, chronyMissing, startAppliance, type Appliance } from '@strongroom/testing';
import { cpuSeconds, processName, processTree } from '../processes.ts';

const ADDRESS = '127.0.0.2';
const PORT = 20_000 + (process.pid % 10_000);
/** As a server of a quiet network is asked: every 16 s. */
const ASKED = 'iburst minpoll 4 maxpoll 4';
/** As often as services look for an anchor. */
const REFRESH_MS = 1000;
const STAMPS_PER_REFRESH = 1000;
const SETTLE_POLLS = 4;

export interface ClockFigures {
  readonly seconds: number;
  /** Sorted, ns. */
  readonly bounds: Float64Array;
  readonly stamps: number;
  /** Stamps whose bound did not hold true time: there must be none. */
  readonly broken: number;
  /** Share of one core, 0 to 1: skew-guard with its chronyc; and what a stamp takes, ns. */
  readonly cpu: number;
  readonly stampNs: number;
}

/** Throws `Failed('bench.clock')` where no chronyd can be run. `started`: is to be stopped when we are. */
export async function measureClock(seconds: number, say: (line: string) => void, started: (one: { stop(): Promise<unknown> }) => void): Promise<ClockFigures> {
  const missing = chronyMissing();
  if (missing !== null) throw new Failed('bench.clock', 'the bound of a clock cannot be measured here', { why: missing, fix: 'run it as root on Debian' });
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-bench-clock-'));
  chmodSync(directory, 0o755);
  const program = join(directory, 'chronyc');
  copyFileSync(chronycProgram(), program);
  try {
    await using running = new AsyncDisposableStack();
    running.use(new Chronyd({ serve: { address: ADDRESS, port: PORT }, lines: ['local stratum 1'] }));
    running.use(new Chronyd({ commandPort: PORT + 1, lines: [`server ${ADDRESS} port ${PORT} ${ASKED}`] }));
    await using appliance = await startAppliance({ config: { clock: { enabled: true, chrony: { program, port: PORT + 1 } } } });
    started(appliance);
    await settled(appliance, say);
    say(`measuring for ${seconds} s`);
    return await watched(appliance, seconds);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Until the clock is locked, and has been measured some times since. */
async function settled(appliance: Appliance, say: (line: string) => void): Promise<void> {
  say('waiting for the clock to be measured');
  const clock = new AnchoredClock(appliance.paths.anchor);
  for (clock.refresh(); clock.stamp().bound === BOUND_UNKNOWN; clock.refresh()) await delay(REFRESH_MS);
  await delay(SETTLE_POLLS * 16_000);
}

async function watched(appliance: Appliance, seconds: number): Promise<ClockFigures> {
  const clock = new AnchoredClock(appliance.paths.anchor);
  const guard = processTree(appliance.pid!).find((pid) => processName(pid) === 'skew-guard')!;
  const bounds: number[] = [];
  let [broken, stampMs] = [0, 0];
  const [before, start] = [cpuSeconds(processTree(guard)), performance.now()];
  while (performance.now() - start < seconds * 1000) {
    clock.refresh();
    const began = performance.now();
    for (let i = 0; i < STAMPS_PER_REFRESH; i += 1) clock.stamp();
    stampMs += performance.now() - began;
    for (let i = 0; i < STAMPS_PER_REFRESH; i += 1) {
      const earlier = nowNs();
      const { at, bound } = clock.stamp();
      if (bound === BOUND_UNKNOWN || at - bound > nowNs() || at + bound < earlier) broken += 1;
      else bounds.push(Number(bound));
    }
    await delay(REFRESH_MS);
  }
  const elapsed = (performance.now() - start) / 1000;
  const stamps = bounds.length + broken;
  return { seconds: elapsed, bounds: Float64Array.from(bounds).sort(), stamps, broken, cpu: (cpuSeconds(processTree(guard)) - before) / elapsed, stampNs: (stampMs * 1e6) / stamps };
}

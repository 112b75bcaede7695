// SPDX-License-Identifier: Apache-2.0
// What an appliance costs while hardly anything happens, each process by itself: started, left alone until it has settled, then measured.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HostAudit } from '@strongroom/testing';
import { kernelIsOurs, leg, type Leg } from './measure.ts';
import { begin, QUIET_WAYS, type Way } from './ways.ts';
import { atRest } from './workloads.ts';

/** Throws `Failed('bench.kernel')` where the kernel is not ours to use. `settleSeconds` for what is compiled and read at a start. */
export async function measureQuiet(seconds: number, settleSeconds: number, ways: readonly Way[], say: (line: string) => void): Promise<readonly Leg[]> {
  kernelIsOurs();
  const [host, legs] = [new HostAudit(), [] as Leg[]];
  try {
    for (const way of QUIET_WAYS) if (ways.includes(way)) legs.push(await measured(way, seconds, settleSeconds, host, say));
  } finally {
    host.restore();
  }
  return legs;
}

async function measured(way: Way, seconds: number, settleSeconds: number, host: HostAudit, say: (line: string) => void): Promise<Leg> {
  const root = mkdtempSync(join(tmpdir(), 'strongroom-bench-quiet-'));
  const watched = join(root, 'watched');
  mkdirSync(watched);
  const running = await begin(way, watched, host);
  try {
    say(`${way}: ${settleSeconds} s to settle, ${seconds} s measured`);
    await delay(settleSeconds * 1000);
    return await leg(way, atRest(seconds), running, watched);
  } finally {
    await running.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

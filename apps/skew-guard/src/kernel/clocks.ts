// SPDX-License-Identifier: Apache-2.0
// This machine's clocks, read together.
import { readFileSync } from 'node:fs';
import { nowNs } from '@strongroom/service';
import type { Moment } from '../state/observation.ts';

const READINGS = 7;
/** Where it took longer the process was put aside, and it could look like sleep. */
const TOGETHER_NS = 10_000_000n;

/** Of several readings the one in which least time passed from the first clock to the last: then nobody was put aside between. */
export function readMoment(): Moment {
  let best: { readonly spanNs: bigint; readonly monotonicNs: bigint; readonly wallNs: bigint } | undefined;
  for (let i = 0; i < READINGS; i += 1) {
    const before = process.hrtime.bigint();
    const wallNs = nowNs();
    const spanNs = process.hrtime.bigint() - before;
    if (best === undefined || spanNs < best.spanNs) best = { spanNs, monotonicNs: before, wallNs };
  }
  const { monotonicNs, wallNs } = best!;
  return { monotonicNs, wallNs, bootNs: bootAt(monotonicNs) };
}

/** Time since boot, sleep included, at a moment of the monotonic clock; null where nobody could read both together. */
function bootAt(monotonicNs: bigint): bigint | null {
  for (let i = 0; i < READINGS; i += 1) {
    const before = process.hrtime.bigint();
    const bootNs = sinceBootNs();
    if (bootNs === null) return null;
    if (process.hrtime.bigint() - before < TOGETHER_NS) return bootNs - (before - monotonicNs);
  }
  return null;
}

/** Cut off to hundredths of a second. */
function sinceBootNs(): bigint | null {
  try {
    const [seconds = ''] = readFileSync('/proc/uptime', 'latin1').split(' ');
    const [whole = '', hundredths = ''] = seconds.split('.');
    return BigInt(whole) * 1_000_000_000n + BigInt(hundredths.padEnd(2, '0')) * 10_000_000n;
  } catch {
    return null;
  }
}

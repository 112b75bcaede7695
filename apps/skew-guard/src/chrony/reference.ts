// SPDX-License-Identifier: Apache-2.0
// chrony's report as a reference, and as what its sources say.
import type { Wander } from '../bound/wander.ts';
import type { Reference } from '../bound/reference.ts';
import type { ClockSource } from '@strongroom/service';
import type { ChronyReport, Tracking } from './chronyc.ts';

/** Null while chrony holds no time for true but that of this clock itself. `wander` is told of each measurement. */
export function referenceOf({ tracking }: ChronyReport, wander: Wander): Reference | null {
  if (tracking === null || tracking.leap === 'unsynchronised' || tracking.referenceId === '00000000' || isLocal(tracking)) return null;
  const { offsetNs, rootDelayNs, rootDispersionNs, residualPpb, skewPpb, intervalNs, lastOffsetNs, referenceId, referenceTime } = tracking;
  const update = `${referenceId} ${referenceTime}`;
  return {
    offsetNs, rootDelayNs, rootDispersionNs, residualPpb, skewPpb, intervalNs, wanderNs: wander.note(update, lastOffsetNs),
    update, updatedAtNs: nanoseconds(referenceTime), leap: tracking.leap,
  };
}

/** Seconds with nine digits, without loss. */
function nanoseconds(seconds: string): bigint {
  const [whole = '', part = ''] = seconds.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(part.padEnd(9, '0').slice(0, 9));
}

/** Its sources; those that its socket told more of with that. */
export function wordsOf({ sources, authentication }: ChronyReport): ClockSource[] {
  const modes = new Map(authentication.map(({ name, mode }) => [name, mode]));
  return sources.map(({ name, kind, verdict, stratum, reach, offsetNs, errorNs, heardNs }) => ({
    name, kind, verdict, stratum, isReachable: reach !== 0, authentication: modes.get(name) ?? null,
    offsetNs: heardNs === null ? null : Math.round(offsetNs), errorNs: heardNs === null ? null : Math.round(errorNs),
  }));
}

/** With `local` in its configuration it serves this clock's time as if it were true when it has no other. */
function isLocal({ referenceId }: Tracking): boolean {
  return referenceId.startsWith('7F7F');
}

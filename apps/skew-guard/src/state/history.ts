// SPDX-License-Identifier: Apache-2.0
// What was said of the clock in the last day, one point for each minute: the worst of it.
import type { ClockPoint } from '@strongroom/service';
import type { Judgement } from './guard.ts';
import type { Moment } from './observation.ts';

const POINTS_MAX = 1440;
const MINUTE_NS = 60_000_000_000n;
const WORST = ['locked', 'holdover', 'disputed', 'stepped', 'unsynchronised'] as const;

export class History {
  #points: ClockPoint[] = [];
  #minute = -1n;

  /** Oldest first. */
  get points(): readonly ClockPoint[] {
    return this.#points;
  }

  add({ claim, state }: Judgement, { monotonicNs, wallNs }: Moment): void {
    const minute = monotonicNs / MINUTE_NS;
    const point: ClockPoint = { at: new Date(Number((claim?.utcNs ?? wallNs) / 1_000_000n)).toISOString(), state, boundNs: claim === null ? null : Number(claim.boundNs) };
    if (minute !== this.#minute) this.#points = [...this.#points.slice(1 - POINTS_MAX), point];
    else this.#points[this.#points.length - 1] = worse(this.#points.at(-1)!, point);
    this.#minute = minute;
  }
}

function worse(before: ClockPoint, now: ClockPoint): ClockPoint {
  return {
    at: before.at, state: WORST[Math.max(WORST.indexOf(before.state), WORST.indexOf(now.state))]!,
    boundNs: before.boundNs === null || now.boundNs === null ? null : Math.max(before.boundNs, now.boundNs),
  };
}

// SPDX-License-Identifier: Apache-2.0
// What one exchange of four timestamps says. True time, if the server knows it, can differ from the offset by no more than half of
// the time that the exchange took on the way, and by what the server says of its own error.
import { Refused } from '@strongroom/bytes';
import type { Answer } from './packet.ts';

export interface Exchange {
  readonly answer: Answer;
  /** When the request left and the answer came, by the monotonic clock; and what the wall clock showed when it left. */
  readonly sentNs: bigint;
  readonly receivedNs: bigint;
  readonly wallNs: bigint;
}

/** At `atNs` of the monotonic clock true time less the wall clock was in `offsetNs` ± `errorNs`. */
export interface Sample {
  readonly atNs: bigint;
  /** The wall clock less the monotonic one, then. */
  readonly apartNs: bigint;
  readonly offsetNs: number;
  readonly errorNs: number;
  readonly delayNs: number;
}

/** Two clocks that count the same time differ by less than this share of it. */
const RATE_SHARE = 0.001;

/** Throws `Refused('ntp.times')` for a server that says that it had the question for longer than its answer was waited for. */
export function sampleOf({ answer, sentNs, receivedNs, wallNs }: Exchange): Sample {
  const back = wallNs + (receivedNs - sentNs);
  const offset = (answer.receivedNs - wallNs + (answer.sentNs - back)) / 2n;
  const wayNs = Number(receivedNs - sentNs - (answer.sentNs - answer.receivedNs));
  if (wayNs < -answer.precisionNs - Number(receivedNs - sentNs) * RATE_SHARE) throw new Refused('ntp.times', 'the server had the question for longer than its answer was waited for');
  const delayNs = Math.max(0, wayNs);
  const errorNs = delayNs / 2 + answer.rootDelayNs / 2 + answer.rootDispersionNs + answer.precisionNs;
  return { atNs: receivedNs, apartNs: wallNs - sentNs, offsetNs: Number(offset), errorNs: Math.ceil(errorNs) + 1, delayNs };
}

/** Of a burst the sample with the shortest way: waiting in queues makes a way longer and more one-sided. */
export function shortest(samples: readonly Sample[]): Sample | null {
  return samples.reduce<Sample | null>((best, one) => (best === null || one.delayNs < best.delayNs ? one : best), null);
}

/** The same later: both clocks have gone on by themselves since. */
export function later({ offsetNs, errorNs, atNs }: Sample, nowNs: bigint, driftPpb: number): { offsetNs: number; errorNs: number } {
  return { offsetNs, errorNs: errorNs + Math.ceil((Number(nowNs - atNs) * driftPpb) / 1e9) };
}

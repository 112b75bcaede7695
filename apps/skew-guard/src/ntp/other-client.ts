// SPDX-License-Identifier: Apache-2.0
// The same server asked by a client that shares no code with ours, the package ntp-client: so that an error in how we read an answer shows.
// It tells when the answer left the server, and nothing else. That lies between our question and its answer, which gives a bound, about
// twice as wide as ours; what the server says of its own error has to be taken from our answer. It holds no answer against its question,
// so it only ever doubts a sample of ours and is never one.
import client from 'ntp-client';
import { nowNs } from '@strongroom/service';
import type { Sample } from './sample.ts';

/** True time less the wall clock is from `low` to `high`, by the server's clock: nanoseconds. */
export interface OtherOpinion {
  readonly low: number;
  readonly high: number;
}

const PATIENCE_MS = 2000;
const MILLISECOND_NS = 1_000_000;

client.ntpReplyTimeout = PATIENCE_MS;

/** Null where no answer comes that is a time. The package speaks IPv4 alone. */
export function askByOtherClient(address: string, port: number): Promise<OtherOpinion | null> {
  return new Promise((resolve) => {
    const [wallNs, before] = [nowNs(), process.hrtime.bigint()];
    client.getNetworkTime(address, port, (error, date) => {
      const tookNs = process.hrtime.bigint() - before;
      const ms = error === null ? date?.getTime() ?? Number.NaN : Number.NaN;
      if (Number.isNaN(ms)) return resolve(null);
      const offsetNs = Number(BigInt(ms) * BigInt(MILLISECOND_NS) - wallNs);
      resolve({ low: offsetNs - Number(tookNs), high: offsetNs + MILLISECOND_NS });
    });
  });
}

/** By how much the two clients contradict each other about one server, ns; 0: there is a time that both allow. */
export function contradictionOf({ offsetNs, errorNs }: Pick<Sample, 'offsetNs' | 'errorNs'>, { low, high }: OtherOpinion, driftNs: number): number {
  return Math.max(0, low - (offsetNs + errorNs + driftNs), offsetNs - errorNs - driftNs - high);
}

// SPDX-License-Identifier: Apache-2.0
// The configuration's words as the guard's numbers.
import type { Config } from '@strongroom/service';
import type { ProducerSettings } from './producers/producers.ts';
import type { GuardSettings } from './state/guard.ts';
import type { Thresholds } from './state/reporter.ts';

const HOUR_NS = 3_600_000_000_000n;

export function settingsOf(clock: Config['clock']): { readonly guard: GuardSettings; readonly thresholds: Thresholds; readonly producers: ProducerSettings } {
  return {
    guard: { oscillatorPpb: clock.oscillatorPpb, holdoverPpb: clock.holdoverPpb, holdoverNsMax: BigInt(clock.holdoverHours) * HOUR_NS },
    producers: { limitNs: clock.producerMilliseconds * 1_000_000, windowMs: clock.producerSeconds * 1000 },
    thresholds: { warnNs: BigInt(clock.warnMicroseconds) * 1000n, limitNs: BigInt(clock.limitMicroseconds) * 1000n },
  };
}

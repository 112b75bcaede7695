// SPDX-License-Identifier: Apache-2.0
// The configuration's words as the guard's numbers.
import type { Config } from '@strongroom/service';
import type { GuardSettings } from './state/guard.ts';
import type { Thresholds } from './state/reporter.ts';

const HOUR_NS = 3_600_000_000_000n;

export function settingsOf(clock: Config['clock']): { readonly guard: GuardSettings; readonly thresholds: Thresholds } {
  return {
    guard: { oscillatorPpb: clock.oscillatorPpb, holdoverPpb: clock.holdoverPpb, holdoverNsMax: BigInt(clock.holdoverHours) * HOUR_NS },
    thresholds: { warnNs: BigInt(clock.warnMicroseconds) * 1000n, limitNs: BigInt(clock.limitMicroseconds) * 1000n },
  };
}

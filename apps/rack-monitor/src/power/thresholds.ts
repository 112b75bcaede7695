// SPDX-License-Identifier: Apache-2.0
// When a voltage is too low, too high or gone. By IEEE 1159-2019, table 2: an interruption is below 0.1 of the nominal voltage, a
// sag between 0.1 and 0.9, a swell above 1.1; instantaneous up to 30 cycles, momentary up to 3 s, temporary up to a minute,
// sustained beyond (there: undervoltage, overvoltage). By the ITI (CBEMA) curve of 2000: what equipment must live through.

export type VoltageCondition = 'normal' | 'sag' | 'swell' | 'interruption';
export type DurationClass = 'instantaneous' | 'momentary' | 'temporary' | 'sustained';

export interface VoltageThresholds {
  readonly nominal: number;
  /** Shares of the nominal voltage. */
  readonly interruption: number;
  readonly sag: number;
  readonly swell: number;
  /** A condition ends this share inside its threshold, so that a voltage at a threshold makes one event and not hundreds. */
  readonly hysteresis: number;
}

export const IEEE_1159 = { interruption: 0.1, sag: 0.9, swell: 1.1, hysteresis: 0.02 } as const;

/** The condition after a reading, given that before it. */
export function conditionOf(voltage: number, before: VoltageCondition, { nominal, interruption, sag, swell, hysteresis }: VoltageThresholds): VoltageCondition {
  const share = voltage / nominal;
  if (share < interruption + (before === 'interruption' ? hysteresis : 0)) return 'interruption';
  if (share < sag + (before === 'sag' || before === 'interruption' ? hysteresis : 0)) return 'sag';
  if (share > swell - (before === 'swell' ? hysteresis : 0)) return 'swell';
  return 'normal';
}

const CYCLES_INSTANTANEOUS = 30;
const MOMENTARY_SECONDS = 3;
const TEMPORARY_SECONDS = 60;

export function durationClass(seconds: number, frequency = 50): DurationClass {
  if (seconds <= CYCLES_INSTANTANEOUS / frequency) return 'instantaneous';
  if (seconds <= MOMENTARY_SECONDS) return 'momentary';
  return seconds <= TEMPORARY_SECONDS ? 'temporary' : 'sustained';
}

/** The ITI curve below and above: from this many seconds on, only such a share of the nominal voltage is tolerated. */
const ITI_LOW = [[0.02, 0], [0.5, 0.7], [10, 0.8], [Infinity, 0.9]] as const;
const ITI_HIGH = [[0.003, 1.4], [0.5, 1.2], [Infinity, 1.1]] as const;

/** Whether equipment by the ITI curve may fail (`interrupted`) or break (`endangered`) by a voltage of so long. */
export function itiRegion(share: number, seconds: number): 'tolerated' | 'interrupted' | 'endangered' {
  const low = ITI_LOW.find(([until]) => seconds <= until)![1];
  const high = ITI_HIGH.find(([until]) => seconds <= until)![1];
  return share > high ? 'endangered' : share < low ? 'interrupted' : 'tolerated';
}

// SPDX-License-Identifier: Apache-2.0
// Which system calls surely set the clock.
import type { ClockSetter } from '../facts/clock-facts.ts';

const SETTING: readonly string[] = ['settimeofday', 'clock_settime'];

/** It does nothing but set the clock. The other calls mostly ask, or change its rate, and everybody may call them. */
export function onlySets({ call }: Pick<ClockSetter, 'call'>): boolean {
  return SETTING.includes(call);
}

// SPDX-License-Identifier: Apache-2.0
// Whether a device booted between two looks.
import type { RackEngine } from '@strongroom/service';

export interface Life {
  readonly engine: RackEngine | null;
  /** sysUpTime, hundredths of a second; null: it has none. */
  readonly upTicks: number | null;
}

export type Boot = 'rebooted' | 'set-back' | 'replaced';

const WRAPS = 2 ** 32;
/** sysUpTime begins again after 497 days without a boot: from so near its end it did, if it then shows no more than time allows. */
const NEAR_END_TICKS = 24 * 3600 * 100;

/** `replaced`: another engine answers at its address. `set-back`: it booted less often than before, which no engine does that keeps its count
 * (RFC 3414, section 2.2.2): it was reset or restored, and what it signed before may be sent again. The engine's count is signed; sysUpTime counts where there is none. */
export function bootBetween(before: Life, after: Life): Boot | null {
  if (before.engine !== null && after.engine !== null) {
    if (before.engine.id !== after.engine.id) return 'replaced';
    if (after.engine.boots < before.engine.boots) return 'set-back';
    if (after.engine.boots > before.engine.boots) return 'rebooted';
  }
  if (before.upTicks === null || after.upTicks === null || after.upTicks >= before.upTicks) return null;
  return before.upTicks > WRAPS - NEAR_END_TICKS && after.upTicks < NEAR_END_TICKS ? null : 'rebooted';
}

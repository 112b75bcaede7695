// SPDX-License-Identifier: Apache-2.0
// What skew-guard says of itself and of the clock. All of it is sealed.
import type { Fields, Level } from '@strongroom/service';

export const EVENTS = {
  /** A life begins: which boot, whom it asks, and whether it goes on from the last anchor. */
  'clock.started': 'info',
  /** The clock is in another state than before; with the facts that were decided by. */
  'clock.state': 'warn',
  /** The same, and the clock is measured as it should be. */
  'clock.locked': 'info',
  /** Somebody set the wall clock. */
  'clock.stepped': 'error',
  /** Who called what sets the clock when it was set, by what capture saw. */
  'clock.set-by': 'warn',
  /** A leap second was taken. */
  'clock.leapt': 'info',
  /** A leap second is announced, or no longer. */
  'clock.leap-announced': 'info',
  /** The machine slept, or stood still. */
  'clock.slept': 'warn',
  /** The error bound is above `clock.warnMicroseconds`, or there is none. */
  'clock.bound-warn': 'warn',
  /** It is above `clock.limitMicroseconds`, or there is none. */
  'clock.bound-limit': 'error',
  /** It is below both again. */
  'clock.bound-good': 'info',
  /** What was said of true time before and what is said now exclude each other: receipts since the last look may state too small a bound. */
  'clock.contradiction': 'error',
  /** What disciplines the clock does not answer, or not so that it can be read; said once, until it does again. */
  'clock.reference-away': 'warn',
  'clock.reference-back': 'info',
  /** Two clients, ours and the package ntp-client, contradict each other about one server: its sample is not used. Said once, until they agree. */
  'clock.clients-differ': 'error',
  /** The anchor could not be put where services find it; said once, until it can. */
  'clock.anchor-failed': 'error',
  /** A producer's clock is behind or ahead by more than `clock.producerMilliseconds`: by what it claims and when that comes. */
  'clock.producer-off': 'warn',
  'clock.producer-good': 'info',
  /** Rules of time zones on this machine are others than before. */
  'clock.zones-changed': 'warn',
} as const satisfies Record<string, Level>;

export type EventName = keyof typeof EVENTS;
export type Say = (event: EventName, fields?: Fields) => void;

// SPDX-License-Identifier: Apache-2.0
// What rack-monitor says of itself. What devices and sensors say are records of protocols power and heat.
import type { Fields, Level } from '@strongroom/service';

export const EVENTS = {
  /** A life begins: how many devices it asks, and of them by which security. */
  'rack.started': 'info',
  /** A device is not asked, because its secret cannot be read. */
  'rack.device-unusable': 'error',
  /** A device that is configured for v2c: nobody signs what it says. */
  'rack.unauthenticated': 'warn',
  /** A device does not answer, or not so that it can be believed; said once, until it does again. */
  'rack.device-away': 'warn',
  'rack.device-back': 'info',
  /** A device booted since it was asked last, or is another one than before. */
  'rack.device-rebooted': 'warn',
  'rack.device-replaced': 'error',
  /** A device counts fewer boots than before: it was reset or restored, and its traps are old until this service starts again. */
  'rack.device-set-back': 'error',
  /** One engine answers at the addresses of two devices: somebody passes on what the other says, or one is set up as a copy of the other. */
  'rack.device-twin': 'error',
  /** A device was recognised, and how much of it is understood. */
  'rack.device-understood': 'info',
  /** A device answers and no profile fits it. */
  'rack.device-unknown': 'warn',
  /** Records that could not wait any longer for the vault. */
  'rack.records-lost': 'error',
  /** Traps that nobody signed, or that come again, and signed ones beyond what is sealed: how many in the last minute. */
  'rack.traps-refused': 'warn',
  /** The listener for traps failed. */
  'rack.traps-failed': 'error',
} as const satisfies Record<string, Level>;

export type EventName = keyof typeof EVENTS;
export type Say = (event: EventName, fields?: Fields) => void;

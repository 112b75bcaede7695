// SPDX-License-Identifier: Apache-2.0
// What the key service says of itself.
import type { Level } from '@strongroom/service';

export const EVENTS = {
  /** The token is open. */
  'keys.opened': 'info',
  /** The HSM does not answer: nothing is sealed until it does. */
  'keys.hsm-away': 'error',
  'keys.hsm-back': 'warn',
  'keys.issued': 'info',
  'keys.wrapping-key-made': 'info',
  /** An order of two custodians was judged good; its keys are about to go. */
  'keys.order-begun': 'warn',
  'keys.destroyed': 'warn',
  /** The key with which we witness, or mirror, the logs of others. */
  'keys.cosigner-made': 'info',
  /** A new log goes on where two custodians gave another up, though the hardware counter was ahead of it. */
  'keys.counter-accepted': 'warn',
  'keys.wrapping-keys-retired': 'warn',
  /** The log has another key; the old one was destroyed, unless configuration keeps it. */
  'keys.log-key-retired': 'warn',
  /** Somebody at a socket who may not use it. */
  'keys.peer-refused': 'warn',
  'keys.call-failed': 'warn',
  /** Our own certificate could not be renewed yet. */
  'keys.renewal-failed': 'warn',
} as const satisfies Record<string, Level>;

export type EventName = keyof typeof EVENTS;

// SPDX-License-Identifier: Apache-2.0
// What the witness says of itself. What matters to evidence it also has sealed, by the vault.
import type { Fields, Level } from '@strongroom/service';

export const EVENTS = {
  /** A witness of the policy does not cosign; said once, until it does again. */
  'witness.peer-failed': 'warn',
  'witness.peer-back': 'info',
  /** The vault does not answer: it starts, or recovers. */
  'witness.vault-away': 'warn',
  /** The time stamping authority gives no timestamp; said once, until it does again. */
  'witness.timestamp-failed': 'warn',
  'witness.timestamp-back': 'info',
  /** We witness, with this key, for so many logs. */
  'witness.serving': 'info',
  /** A log that we witness shows two histories of one length, both under its key. */
  'witness.fork-shown': 'error',
  'witness.serve-failed': 'error',
} as const satisfies Record<string, Level>;

export type EventName = keyof typeof EVENTS;
export type Say = (event: EventName, fields?: Fields) => void;

// SPDX-License-Identifier: Apache-2.0
// What capture says of itself.
import type { Fields, Level } from '@strongroom/service';

export const EVENTS = {
  /** A life begins: which boot of which machine, and from where it resumes. */
  'capture.started': 'info',
  /** The resume token cannot be read: everything that is still there is taken again, and marked as perhaps repeated. */
  'capture.token-unknown': 'warn',
  /** The vault did not seal records of ours. */
  'capture.denied': 'error',
  /** At the stop the vault had not acknowledged everything; the next life takes it again. */
  'capture.unsealed': 'warn',
  /** Kernel messages cannot be read at all. */
  'kmsg.absent': 'warn',
  /** Reading them failed; the rest of this life does without. */
  'kmsg.failed': 'error',
  /** Kernel messages that were overwritten before they were read. */
  'kmsg.missing': 'error',
  /** The same, from before we first read in this boot: they were never ours to take. */
  'kmsg.began': 'warn',
  /** There is no journal to read. */
  'journal.absent': 'warn',
  /** The journal has no entry yet, or none that we may read: it is looked at again and again. */
  'journal.empty': 'info',
  /** journalctl says that we do not see all of it. */
  'journal.limited': 'warn',
  /** journalctl ended by itself; it is started again from the last entry. */
  'journal.interrupted': 'warn',
  /** The last entry taken is no longer in the journal: entries may be missing, or repeated. */
  'journal.cursor-unknown': 'error',
  /** A line of journalctl names no cursor; it is kept, and may be repeated by the next life. */
  'journal.unmarked': 'warn',
} as const satisfies Record<string, Level>;

export type EventName = keyof typeof EVENTS;
/** Tells of an event: logs it, and has it sealed unless it is in its stream already. */
export type Say = (event: EventName, fields?: Fields) => void;

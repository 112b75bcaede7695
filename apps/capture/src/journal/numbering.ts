// SPDX-License-Identifier: Apache-2.0
// Entries that the journal does not have any more. journald numbers what it writes, over all of its files, so between two
// entries of one numbering that come one after the other none is left out, unless it was let go of (vacuumed) or cannot be
// read. Where another numbering comes between, as when a journal moves from memory to disk, nothing is to be told from it.
import { timeOf } from './cursor.ts';

/** Entries that are missing, both ends included. */
export interface LetGo {
  readonly count: number;
  readonly from: number;
  readonly to: number;
  /** Id of the numbering, 32 hexadecimal digits. */
  readonly numbering: string;
  /** When the entries beside it were written, ISO 8601. */
  readonly writtenFrom: string | null;
  readonly writtenTo: string | null;
}

interface Entry {
  readonly cursor: string;
  readonly numbering: string;
  readonly number: number;
}

/** What journalctl of systemd 252 says to who may not see all of it. */
const HIDDEN = /not seeing messages from|insufficient permissions/;
const BEGINNING = /^s=([0-9a-f]{32});i=([0-9a-f]{1,13});/;

export class Numbering {
  #last: Entry | null = null;

  /** What is missing before an entry; to be asked once for each, in order. Null: nothing, as far as can be told. */
  before(cursor: string | null): LetGo | null {
    const [last, now] = [this.#last, cursor === null ? null : entryOf(cursor)];
    this.#last = now;
    // Numbers that are smaller are given out again, after a crash.
    if (last === null || now === null || last.numbering !== now.numbering || now.number <= last.number + 1) return null;
    const [from, to] = [last.number + 1, now.number - 1];
    return { count: to - from + 1, from, to, numbering: now.numbering, writtenFrom: timeOf(last.cursor), writtenTo: timeOf(now.cursor) };
  }
}

/**
 * By what journalctl complained of. Who may not see all of it finds numbers left out for that alone; a damaged file that is
 * passed over, or a pipe that we closed, is no such reason.
 */
export function showsAll(complaint: string): boolean {
  return !HIDDEN.test(complaint);
}

function entryOf(cursor: string): Entry | null {
  const [, numbering, number] = BEGINNING.exec(cursor) ?? [];
  return numbering === undefined ? null : { cursor, numbering, number: Number.parseInt(number!, 16) };
}

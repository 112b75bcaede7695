// SPDX-License-Identifier: Apache-2.0
// What witnesses have seen of this log, held against what this store has. A checkpoint counts under the signature of the
// log's own key: a witness cannot stop a vault by what it merely says. The store may be older than a change of that key, and
// not know the later one; then the word of a quorum counts, each in its own checkpoint with its own cosignature.
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { cosignaturesOf, isQuorum, openCheckpoint, readAnyCheckpoint, splitNote, type Checkpoint, type LogKey, type NoteKey, type Policy } from '@strongroom/evidence';
import { putFile, readWhole, removePath, type Disk } from '../disk.ts';
import type { RootAt } from './witnessed.ts';

const FIX = 'put the newest store back; if it is gone, keep this one as a copy: what a witness has seen cannot be taken back';

export interface ComparisonFacts {
  readonly disk: Disk;
  readonly vaultState: string;
  /** The log's keys of now. */
  readonly key: () => LogKey;
  readonly policy: Policy;
  readonly size: () => number;
  readonly rootAt: RootAt;
}

export class Comparison {
  readonly #facts: ComparisonFacts;
  readonly #contradiction: string;
  /** By witness: sizes above ours that it cosigned under a key that we do not know. */
  readonly #strange = new Map<string, Checkpoint>();
  #keeping: Promise<unknown> = Promise.resolve();

  constructor(facts: ComparisonFacts) {
    this.#facts = facts;
    this.#contradiction = join(facts.vaultState, 'contradiction');
  }

  /** What contradicted an earlier start still does, unless another store was put in place. Throws like {@link seen}. */
  async again(): Promise<void> {
    const note = readWhole(this.#facts.disk, this.#contradiction)?.toString();
    if (note === undefined) return;
    this.#compare(note, 'a witness, at an earlier start,');
    await removePath(this.#facts.disk, this.#contradiction);
  }

  /** Like {@link seen}, for a checkpoint that lies in the store itself. */
  own(note: string): void {
    this.#compare(note, 'store/witnessed');
  }

  /**
   * A checkpoint that a witness shows. Returns its size when it is of this log's past or present. Throws `Refused`:
   * `note.*` and `checkpoint.*` when the log's key did not sign it; `vault.rollback`, `vault.fork`, which it keeps for the
   * next start.
   */
  async seen(note: string, who: string): Promise<number> {
    try {
      return this.#compare(note, `the witness ${who}`);
    } catch (error) {
      if (isContradiction(error)) await this.#keep(note);
      else if (error instanceof Refused && error.code === 'note.signature') this.#countStrange(note, who);
      throw error;
    }
  }

  /** Two witnesses may show it at once. */
  #keep(note: string): Promise<void> {
    const mine = this.#keeping.then(() => putFile(this.#facts.disk, this.#contradiction, note));
    this.#keeping = mine.catch(() => undefined);
    return mine;
  }

  /** Throws `Refused('vault.rollback')` once a quorum has cosigned more of this log than there is. */
  #countStrange(note: string, who: string): void {
    const { policy, key, size } = this.#facts;
    const checkpoint = readAnyCheckpoint(splitNote(note).text);
    if (checkpoint.origin !== key().name || checkpoint.size <= size()) return;
    for (const witness of policy.witnesses) {
      if (cosignedBy(note, witness.key)) this.#strange.set(witness.name, checkpoint);
    }
    if (policy.quorum === null || !isQuorum(policy, new Set(this.#strange.keys()))) return;
    throw rollback(checkpoint, size(), `a quorum of witnesses, ${who} among them,`, ', under a key of this log that is not known here');
  }

  #compare(note: string, who: string): number {
    const checkpoint = openCheckpoint(note, this.#facts.key());
    const size = this.#facts.size();
    const when = this.#when(note);
    if (checkpoint.size > size) throw rollback(checkpoint, size, who, when);
    if (!this.#facts.rootAt(checkpoint.size).equals(checkpoint.root)) throw fork(checkpoint, who, when);
    return checkpoint.size;
  }

  /** When it was cosigned, as far as the policy's witnesses say. */
  #when(note: string): string {
    try {
      const made = cosignaturesOf(note, this.#facts.policy.witnesses.map(({ key }) => key));
      return made.length === 0 ? '' : `, cosigned ${new Date(Math.max(...made.map(({ seconds }) => seconds)) * 1000).toISOString()}`;
    } catch {
      return '';
    }
  }
}

function cosignedBy(note: string, key: NoteKey): boolean {
  try {
    return cosignaturesOf(note, [key]).length > 0;
  } catch {
    return false;
  }
}

export function isContradiction(error: unknown): error is Refused {
  return error instanceof Refused && (error.code === 'vault.rollback' || error.code === 'vault.fork');
}

function rollback(seen: Checkpoint, size: number, who: string, when: string): Refused {
  return new Refused('vault.rollback', 'the store is older than what was seen of this log', { why: `${who} has seen ${seen.size} entries${when}; this store has ${size}`, fix: FIX });
}

function fork(seen: Checkpoint, who: string, when: string): Refused {
  return new Refused('vault.fork', 'the store is another one than what was seen of this log', { why: `${who} has seen ${seen.size} entries${when}, which this log's key signed and which are not the first ${seen.size} of this store`, fix: FIX });
}

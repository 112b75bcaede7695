// SPDX-License-Identifier: Apache-2.0
// What witnesses have seen of this log, held against what this store has. A checkpoint counts only under the signature of
// the log's own key: a witness cannot stop a vault by what it merely says.
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { cosignaturesOf, openCheckpoint, type Checkpoint, type LogKey, type Policy } from '@strongroom/evidence';
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
      return this.#compare(note, `the witness "${who}"`);
    } catch (error) {
      if (isContradiction(error)) await putFile(this.#facts.disk, this.#contradiction, note);
      throw error;
    }
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

export function isContradiction(error: unknown): error is Refused {
  return error instanceof Refused && (error.code === 'vault.rollback' || error.code === 'vault.fork');
}

function rollback(seen: Checkpoint, size: number, who: string, when: string): Refused {
  return new Refused('vault.rollback', 'the store is older than what was seen of this log', { why: `${who} has seen ${seen.size} entries${when}; this store has ${size}`, fix: FIX });
}

function fork(seen: Checkpoint, who: string, when: string): Refused {
  return new Refused('vault.fork', 'the store is another one than what was seen of this log', { why: `${who} has seen ${seen.size} entries${when}, which this log's key signed and which are not the first ${seen.size} of this store`, fix: FIX });
}

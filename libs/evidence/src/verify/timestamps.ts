// SPDX-License-Identifier: Apache-2.0
// Timestamps that a store keeps: `timestamps/<size>.checkpoint`, a signed note, and `timestamps/<size>.tsr`, the answer of a
// time stamping authority over that file. A checkpoint there must be one of this log, with or without an authority to ask.
import { Refused } from '@strongroom/bytes';
import { formatTime } from '../item.ts';
import { openCheckpoint, type Checkpoint, type LogKey } from '../note.ts';
import { TIMESTAMP_BYTES_MAX, verifyTimestamp, type Timestamp, type TimestampTrust } from '../timestamp/index.ts';
import { CHECKPOINT_BYTES_MAX, hasMoved } from './checkpoint.ts';
import type { GuardedReader } from './store-reader.ts';
import { NO_TIMESTAMPS, reason, type Findings, type TimestampedSpan, type TimestampsFound } from './verdict.ts';

const DIRECTORY = 'timestamps';
export const TIMESTAMP_FILE = /^([1-9][0-9]{0,15})\.(checkpoint|tsr)$/;

export interface TimestampsOptions {
  readonly key: LogKey;
  readonly trust: TimestampTrust | undefined;
  readonly asOf: boolean;
}

/** Reads the names at once; what is newer than the store's checkpoint by then is not looked at. */
export class Timestamps {
  readonly #reader: GuardedReader;
  readonly #findings: Findings;
  readonly #options: TimestampsOptions;
  readonly #names: ReadonlySet<string>;
  /** Sizes of which there is an answer, rising. */
  readonly sizes: readonly number[];

  constructor(reader: GuardedReader, findings: Findings, options: TimestampsOptions) {
    [this.#reader, this.#findings, this.#options] = [reader, findings, options];
    this.#names = new Set(reader.list(DIRECTORY).filter((name) => TIMESTAMP_FILE.test(name)));
    this.sizes = [...this.#names].filter((name) => name.endsWith('.tsr')).map(Number.parseFloat).filter(Number.isSafeInteger).toSorted((a, b) => a - b);
  }

  /** `rootAt`: the root of an older size as the store's entries give it. */
  judge(now: Checkpoint, rootAt: (size: number) => Buffer | undefined): TimestampsFound {
    this.#noteUnfinished();
    let [kept, valid] = [0, 0];
    let first: TimestampedSpan | null = null;
    let last: TimestampedSpan | null = null;
    for (const size of this.sizes) {
      const note = this.#note(size);
      if (size > now.size) {
        this.#judgeAhead(size, note, now);
        continue;
      }
      kept += 1;
      const isOurs = note !== null && this.#isOfThisLog(size, note, size === now.size ? now.root : rootAt(size));
      const timestamp = note === null ? null : this.#verified(size, note);
      if (!isOurs || timestamp === null) continue;
      valid += 1;
      last = spanOf(size, timestamp);
      first ??= last;
    }
    const checked = kept === 0 ? NO_TIMESTAMPS.checked : this.#options.trust === undefined ? 'not checked: no authority was named' : 'checked';
    return { kept, checked, valid, first, last };
  }

  /** The checkpoint is kept before the answer: a crash in between leaves it alone. */
  #noteUnfinished(): void {
    for (const name of this.#names) {
      if (name.endsWith('.checkpoint') && !this.#names.has(name.replace('.checkpoint', '.tsr'))) this.#findings.note('timestamp.unfinished', `${DIRECTORY}/${name}`, 'there is no answer of an authority beside it');
    }
  }

  #note(size: number): Buffer | null {
    const path = notePath(size);
    const note = this.#reader.readFile(path, CHECKPOINT_BYTES_MAX);
    if (note === null) this.#findings.fail('timestamp.missing', path, 'the checkpoint that was stamped is not there');
    return note;
  }

  #isOfThisLog(size: number, note: Buffer, root: Buffer | undefined): boolean {
    const checkpoint = this.#open(size, note);
    if (checkpoint === null || root === undefined) return false;
    if (checkpoint.root.equals(root)) return true;
    this.#findings.fail('store.fork', notePath(size), `another log of ${size} entries was stamped, which the same key signed`);
    return false;
  }

  #open(size: number, note: Buffer): Checkpoint | null {
    try {
      const checkpoint = openCheckpoint(note.toString('utf8'), this.#options.key);
      if (checkpoint.size === size) return checkpoint;
      this.#findings.fail('timestamp.checkpoint', notePath(size), `it is of ${checkpoint.size} entries`);
    } catch (error) {
      this.#findings.fail('timestamp.checkpoint', notePath(size), reason(error));
    }
    return null;
  }

  /** A live vault may have stamped a newer checkpoint meanwhile; else the store is older than what was stamped. */
  #judgeAhead(size: number, note: Buffer | null, now: Checkpoint): void {
    if (note === null || hasMoved(this.#reader, this.#options.key, size - 1) || this.#open(size, note) === null) return;
    const detail = `the store ends at ${now.size} entries, a checkpoint of ${size} was stamped`;
    if (this.#options.asOf) this.#findings.note('store.as-of', notePath(size), detail);
    else this.#findings.fail('store.rollback', notePath(size), detail);
  }

  #verified(size: number, note: Buffer): Timestamp | null {
    const path = `${DIRECTORY}/${size}.tsr`;
    const { trust } = this.#options;
    const response = trust === undefined ? null : this.#reader.readFile(path, TIMESTAMP_BYTES_MAX);
    if (trust === undefined || response === null) return null;
    try {
      return verifyTimestamp(response, note, trust);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#findings.fail('timestamp.token', path, `${reason(error)} [${error.code}]`);
      return null;
    }
  }
}

function notePath(size: number): string {
  return `${DIRECTORY}/${size}.checkpoint`;
}

function spanOf(size: number, { time, accuracyNs, authority }: Timestamp): TimestampedSpan {
  return { size, time: formatTime(time), accuracyNs: accuracyNs === null ? null : Number(accuracyNs), authority };
}

// SPDX-License-Identifier: Apache-2.0
// One file of the commit log: its chain of digests, and each cycle's entries and checkpoint against the log.
import { Refused } from '@strongroom/bytes';
import { COMMIT_BODY_MAX, COMMIT_FRAMING_BYTES, NO_DIGEST, decodeCommit, type Cycle, type Snapshot } from '../commit.ts';
import type { LogTree } from '../log-tree.ts';
import { HASH_BYTES, leafHash } from '../merkle.ts';
import { openCheckpoint, type Checkpoint, type LogKey } from '../note.ts';
import { TILE_WIDTH } from '../tiles.ts';
import type { LogFiles } from './log-files.ts';
import type { GuardedReader } from './store-reader.ts';
import { reason, type FailureCode, type Findings } from './verdict.ts';

export interface CommitTools {
  readonly reader: GuardedReader;
  readonly files: LogFiles;
  readonly key: LogKey;
  readonly checkpoint: Checkpoint;
  /** The tiles lead to the checkpoint: older roots can be told from them. */
  readonly tilesHold: boolean;
  readonly findings: Findings;
}

export class CommitFile {
  readonly #path: string;
  readonly #first: number;
  readonly #until: number;
  readonly #tools: CommitTools;
  #digest = NO_DIGEST;
  #at = 0;
  #size = -1;
  /** Null when the tiles of the first size are no good: they are named elsewhere. */
  #tree: LogTree | null = null;

  constructor(path: string, first: number, until: number, tools: CommitTools) {
    this.#path = path;
    this.#first = first;
    this.#until = until;
    this.#tools = tools;
  }

  /** Reads records until the log's size is `until`, one at a time. Returns the size that they lead to; null without a whole snapshot. */
  walk(): number | null {
    try {
      for (let record = this.#next(); record !== null; record = this.#next()) {
        this.#take(record);
        if (this.#size >= this.#until) break;
      }
    } catch (error) {
      this.#fail('commit.format', reason(error));
    }
    return this.#size < 0 ? null : this.#size;
  }

  #next(): Snapshot | Cycle | null {
    const { reader } = this.#tools;
    const length = reader.readAt(this.#path, this.#at, 4)?.readUInt32BE(0);
    const left = (reader.sizeOf(this.#path) ?? 0) - this.#at - COMMIT_FRAMING_BYTES;
    if (length === undefined || length > Math.min(left, COMMIT_BODY_MAX)) return null;
    const bytes = reader.readAt(this.#path, this.#at, COMMIT_FRAMING_BYTES + length);
    const next = bytes === null ? null : decodeCommit(this.#digest, bytes);
    if (next === null) return null;
    this.#at += bytes!.length;
    this.#digest = next.digest;
    return next.record;
  }

  #take(record: Snapshot | Cycle): void {
    if (record.kind === 'snapshot') this.#snapshot(record);
    else this.#cycle(record);
  }

  #snapshot({ size, checkpoint }: Snapshot): void {
    if (this.#size >= 0) this.#fail('commit.format', 'a second snapshot follows the first');
    if (size !== this.#first) this.#fail('commit.name', `it begins at entry ${size}, its name says ${this.#first}`);
    this.#size = size;
    this.#tree = this.#tools.tilesHold ? this.#tools.files.treeAt(size, this.#tools.checkpoint.size) : null;
    if ((size > 0 || checkpoint !== '') && size <= this.#until) this.#checkpoint(checkpoint);
  }

  #cycle({ sizeBefore, entries, checkpoint }: Cycle): void {
    if (this.#size < 0) throw new Refused('commit.body', 'it does not begin with a snapshot');
    if (sizeBefore !== this.#size) this.#fail('commit.format', `a cycle begins at entry ${sizeBefore}, where ${this.#size} is next`);
    for (const entry of entries) this.#entry(entry);
    this.#tree?.takeFiles();
    if (this.#size <= this.#until) this.#checkpoint(checkpoint);
  }

  #entry(entry: Buffer): void {
    if (this.#size < this.#until && !this.#isLogged(entry, this.#size)) {
      this.#fail('commit.entries', `entry ${this.#size} is another one than in the log`);
      this.#tree = null;
    }
    this.#tree?.append(entry);
    this.#size += 1;
  }

  /** Unknown where bundle and tile are both gone, which is named elsewhere. */
  #isLogged(entry: Buffer, index: number): boolean {
    const [tile, slot] = [Math.floor(index / TILE_WIDTH), index % TILE_WIDTH];
    const width = Math.min(TILE_WIDTH, this.#tools.checkpoint.size - tile * TILE_WIDTH);
    const logged = this.#tools.files.bundle(tile, width)?.[slot];
    if (logged?.equals(entry) === true) return true;
    const hashes = this.#tools.files.tile(0, tile, width);
    return hashes === null ? logged === undefined : hashes.subarray(slot * HASH_BYTES, (slot + 1) * HASH_BYTES).equals(leafHash(entry));
  }

  #checkpoint(note: string): void {
    try {
      const { size, root } = openCheckpoint(note, this.#tools.key);
      const said = size === this.#size && (this.#tree === null || root.equals(this.#tree.root()));
      if (!said) this.#fail('commit.checkpoint', `the checkpoint after entry ${this.#size} is of another log of ${size} entries`);
    } catch (error) {
      this.#fail('commit.checkpoint', `the checkpoint after entry ${this.#size}: ${reason(error)}`);
    }
  }

  #fail(code: FailureCode, detail: string): void {
    this.#tools.findings.fail(code, `${this.#path}@${this.#at}`, detail);
  }
}

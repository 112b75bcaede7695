// SPDX-License-Identifier: Apache-2.0
// store/commit: the redo log. A cycle is committed by one append and one sync of it, docs/FORMAT.md section 5.
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { decodeCommits, encodeCommit, type Cycle, type Snapshot } from '@strongroom/evidence';
import { AppendFile, listDirectory, readWhole, removePath, type Disk } from '../disk.ts';

/** A file is begun anew beyond this. */
const FILE_BYTES = 16 * 1024 * 1024;
const NAME = /^([0-9a-f]{16})-([0-9]{4,})\.commit$/;

/** What the newest commit file holds. */
export interface Redo {
  readonly snapshot: Snapshot;
  readonly cycles: readonly Cycle[];
}

export class CommitLog {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #fileBytes: number;
  #file: AppendFile | undefined;
  #digest: Buffer = Buffer.alloc(0);
  #lengthAtFirst = 0;

  constructor(disk: Disk, directory: string, fileBytes: number = FILE_BYTES) {
    [this.#disk, this.#directory, this.#fileBytes] = [disk, directory, fileBytes];
  }

  /** Whether the present file should be followed by another; one that begins with a long snapshot may grow longer. */
  get isLong(): boolean {
    return this.#file !== undefined && this.#file.length >= Math.max(this.#fileBytes, 2 * this.#lengthAtFirst);
  }

  /**
   * The newest file that begins with a whole snapshot; files are made whole before older ones go, so a newer one without
   * is what a crash left while it was being written. Null when there is no commit log at all.
   */
  read(): Redo | null {
    const names = this.#names();
    for (const name of names.toReversed()) {
      const { records } = decodeCommits(readWhole(this.#disk, join(this.#directory, name))!);
      const [first, ...rest] = records;
      if (first?.kind !== 'snapshot') continue;
      return { snapshot: first, cycles: rest.filter((record) => record.kind === 'cycle') };
    }
    if (names.length === 0) return null;
    throw new Failed('vault.commit-log-damaged', 'no file in store/commit begins with a whole snapshot', { fix: 'run "strongroom verify", and restore the store from a snapshot' });
  }

  /**
   * Begins a new file with a snapshot and the cycles that tiles don't hold yet. Order, and what a crash leaves: 1. the
   * new file, written aside, synced and renamed (before that the older one counts: one with a snapshot and only some of
   * the cycles must never be seen); 2. older files go (leftovers are ignored and removed by the next turn).
   */
  async turn(snapshot: Snapshot, cycles: readonly Cycle[] = []): Promise<void> {
    const older = this.#names();
    const serial = older.reduce((highest, name) => Math.max(highest, serialOf(name)), 0) + 1;
    const name = `${snapshot.size.toString(16).padStart(16, '0')}-${String(serial).padStart(4, '0')}.commit`;
    let chained = encodeCommit(Buffer.alloc(32), snapshot);
    const parts = [chained.bytes];
    for (const cycle of cycles) parts.push((chained = encodeCommit(chained.digest, cycle)).bytes);
    const file = await AppendFile.create(this.#disk, join(this.#directory, name), Buffer.concat(parts));
    await this.#file?.close();
    this.#file = file;
    this.#lengthAtFirst = file.length;
    this.#digest = chained.digest;
    for (const old of older) await removePath(this.#disk, join(this.#directory, old));
  }

  /** The commit point: when this resolves the cycle is durable. */
  async commit(cycle: Cycle): Promise<void> {
    const { bytes, digest } = encodeCommit(this.#digest, cycle);
    await this.#file!.append(bytes);
    await this.#file!.sync();
    this.#digest = digest;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** By serial, oldest first. */
  #names(): string[] {
    return listDirectory(this.#disk, this.#directory).filter((name) => NAME.test(name)).sort((a, b) => serialOf(a) - serialOf(b));
  }
}

function serialOf(name: string): number {
  return Number(NAME.exec(name)![2]);
}

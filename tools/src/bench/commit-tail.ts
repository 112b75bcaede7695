// SPDX-License-Identifier: Apache-2.0
// Follows a live commit log from outside (docs/FORMAT.md section 5) and counts what is sealed, stream by stream. A cycle is
// seen here once it is written, a fraction of a millisecond before it is synced and acknowledged.
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { COMMIT_FRAMING_BYTES, decodeCommit, NO_DIGEST, type ProducerState } from '@strongroom/evidence';

interface Stream {
  readonly source: string;
  /** Records sealed of it; when it is closed, its end record is one of them. */
  readonly next: number;
  readonly open: boolean;
}

export class CommitTail {
  readonly #directory: string;
  readonly #streams = new Map<string, Stream>();
  #name = '';
  #file: number | undefined;
  #at = 0;
  #digest = NO_DIGEST;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads what was committed since the last call. */
  read(): void {
    let reached = this.#readFile();
    for (const name of this.#newer()) {
      if (!reached) return;
      this.close();
      this.#name = name;
      this.#file = openSync(join(this.#directory, name), 'r');
      this.#at = 0;
      this.#digest = NO_DIGEST;
      reached = this.#readFile();
    }
  }

  /** Messages sealed, end records not counted, of streams whose source passes. */
  sealed(of: (source: string) => boolean): number {
    let records = 0;
    for (const { source, next, open } of this.#streams.values()) if (of(source)) records += open ? next : next - 1;
    return records;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #newer(): string[] {
    return readdirSync(this.#directory).filter((name) => name.endsWith('.commit') && name > this.#name).toSorted();
  }

  /** Whole records that are new in the present file. False when a torn one is at its end. */
  #readFile(): boolean {
    if (this.#file === undefined) return true;
    const length = fstatSync(this.#file).size - this.#at;
    if (length <= 0) return true;
    const bytes = Buffer.alloc(length);
    const present = bytes.subarray(0, readSync(this.#file, bytes, 0, length, this.#at));
    let at = 0;
    while (present.length - at >= COMMIT_FRAMING_BYTES) {
      const end = at + COMMIT_FRAMING_BYTES + present.readUInt32BE(at);
      const decoded = end > present.length ? null : decodeCommit(this.#digest, present.subarray(at, end));
      if (decoded === null) break;
      this.#digest = decoded.digest;
      for (const producer of decoded.record.producers) this.#take(producer);
      at = end;
    }
    this.#at += at;
    return at === present.length;
  }

  #take({ streams }: ProducerState): void {
    for (const { stream, next, open, source } of streams) {
      const id = stream.toString('latin1');
      this.#streams.set(id, { source: source || (this.#streams.get(id)?.source ?? ''), next, open });
    }
  }
}

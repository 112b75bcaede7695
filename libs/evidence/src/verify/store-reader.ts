// SPDX-License-Identifier: Apache-2.0
// How verification sees a store. Paths are relative to it, with `/`. Everything is bounded before it is read.
import { reason, type Findings } from './verdict.ts';

/** Handed in by the caller. Nothing is followed out of the store, and only regular files are read. May throw on I/O errors. */
export interface StoreReader {
  /** The whole file, or null where there is none. */
  readFile(path: string): Buffer | null;
  /** Up to `length` octets from `offset`, fewer at the file's end; null where there is no file. A fresh buffer. */
  readAt(path: string, offset: number, length: number): Buffer | null;
  /** Names in a directory, those of directories with a `/` at the end; none where there is no directory. */
  list(directory: string): readonly string[];
  /** Octets, or null where there is no file. */
  sizeOf(path: string): number | null;
}

/** A reader whose I/O errors become findings, once for each path, and which refuses files above a bound unread. */
export class GuardedReader {
  readonly #reader: StoreReader;
  readonly #findings: Findings;

  constructor(reader: StoreReader, findings: Findings) {
    this.#reader = reader;
    this.#findings = findings;
  }

  /** Null too when the file is longer than `limit`, which is a finding. */
  readFile(path: string, limit: number): Buffer | null {
    const size = this.sizeOf(path);
    if (size === null) return null;
    if (size > limit) {
      this.#findings.fail('store.format', path, `has ${size} octets, the limit is ${limit}`);
      return null;
    }
    return this.#guard(path, null, () => this.#reader.readFile(path));
  }

  /** Exactly `length` octets, or null. */
  readAt(path: string, offset: number, length: number): Buffer | null {
    const bytes = this.#guard(path, null, () => this.#reader.readAt(path, offset, length));
    return bytes === null || bytes.length !== length ? null : bytes;
  }

  list(directory: string): readonly string[] {
    return this.#guard(directory, [], () => this.#reader.list(directory));
  }

  sizeOf(path: string): number | null {
    return this.#guard(path, null, () => this.#reader.sizeOf(path));
  }

  #guard<T>(path: string, otherwise: T, read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.#findings.fail('store.read', path, reason(error));
      return otherwise;
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// Cuts journalctl's output into lines, one per entry. Holds at most one unfinished line, and of that no more than the limit.
import { createHash, type Hash } from 'node:crypto';
import { CURSOR_FIELD_BYTES_MAX, cursorIn } from './cursor.ts';
import type { Observed } from '../observed.ts';

const LF = 0x0a;

export interface JournalLine extends Observed {
  /** Null if the line names none that can be kept. */
  readonly cursor: string | null;
}

export class JournalLines {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #length = 0;
  #long: LongLine | undefined;

  /** `limit`: octets of a line that are kept; a longer one is cut there. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that `chunk` completes, without their LF. */
  push(chunk: Buffer): JournalLine[] {
    const lines: JournalLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      this.#grow(chunk.subarray(from, at));
      lines.push(this.#finish());
      from = at + 1;
    }
    if (from < chunk.length) this.#grow(chunk.subarray(from));
    return lines;
  }

  #grow(part: Buffer): void {
    this.#length += part.length;
    if (this.#long !== undefined) return this.#long.grow(part);
    this.#parts.push(part);
    if (this.#length <= this.#limit) return;
    this.#long = new LongLine(Buffer.concat(this.#parts), this.#limit);
    this.#parts = [];
  }

  #finish(): JournalLine {
    const line = this.#long?.finish(this.#length) ?? this.#whole();
    this.#parts = [];
    this.#length = 0;
    this.#long = undefined;
    return line;
  }

  #whole(): JournalLine {
    const raw = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    return { raw, cursor: cursorIn(raw) };
  }
}

/** A line beyond the limit: its beginning, the hash of all of it, and the cursor wherever that stands. */
class LongLine {
  readonly #head: Buffer;
  readonly #hash: Hash = createHash('sha256');
  #cursor: string | null = null;
  /** The last octets: a cursor may lie across two parts. */
  #tail = Buffer.alloc(0);

  constructor(begun: Buffer, limit: number) {
    this.#head = Buffer.from(begun.subarray(0, limit));
    this.grow(begun);
  }

  grow(part: Buffer): void {
    this.#hash.update(part);
    if (this.#cursor !== null) return;
    const seen = Buffer.concat([this.#tail, part]);
    this.#cursor = cursorIn(seen);
    this.#tail = Buffer.from(seen.subarray(Math.max(0, seen.length - CURSOR_FIELD_BYTES_MAX)));
  }

  finish(length: number): JournalLine {
    return { raw: this.#head, cut: { fullLength: BigInt(length), fullHash: this.#hash.digest() }, cursor: this.#cursor };
  }
}

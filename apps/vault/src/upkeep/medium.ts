// SPDX-License-Identifier: Apache-2.0
// Reads files past the page cache, where the file system lets us: a copy in memory tells nothing of the medium, and
// reading everything must not push out what others use.
import { closeSync, constants, openSync, readSync } from 'node:fs';

export const PIECE_BYTES = 1024 * 1024;
const WASM_PAGE_BYTES = 65_536;
const PLAIN = constants.O_RDONLY | constants.O_NOFOLLOW;

/** Of the JavaScript interface of WebAssembly what is used here; Node has it and @types/node does not declare it. */
declare const WebAssembly: { readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer } };

export class Medium {
  /** O_DIRECT wants memory aligned to blocks, as that of WebAssembly is and that of Node's buffers is not. */
  readonly #piece = Buffer.from(new WebAssembly.Memory({ initial: PIECE_BYTES / WASM_PAGE_BYTES }).buffer);

  /** Octets from `start` to `end` or the file's end, in pieces that are valid until the next. Throws what the system says. */
  *pieces(path: string, start: number, end: number): Generator<Buffer> {
    const file = new MediumFile(path);
    try {
      // Whole pieces: direct reading wants aligned places too.
      for (let at = start - (start % PIECE_BYTES); at < end; at += PIECE_BYTES) {
        const count = file.read(this.#piece, at);
        if (count > 0) yield this.#piece.subarray(Math.max(0, start - at), Math.min(count, end - at));
        if (count < PIECE_BYTES) return;
      }
    } finally {
      file.close();
    }
  }
}

class MediumFile {
  readonly #path: string;
  #fd: number;
  #direct = true;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openSync(path, PLAIN | constants.O_DIRECT);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#fd = openSync(path, PLAIN);
      this.#direct = false;
    }
  }

  read(into: Buffer, position: number): number {
    try {
      return readSync(this.#fd, into, 0, into.length, position);
    } catch (error) {
      if (!this.#direct || !isRefusal(error)) throw error;
      closeSync(this.#fd);
      this.#fd = openSync(this.#path, PLAIN);
      this.#direct = false;
      return this.read(into, position);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The file system has no direct reading. */
function isRefusal(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EINVAL';
}

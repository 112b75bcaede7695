// SPDX-License-Identifier: Apache-2.0
// The line of one native reader: a Unix socket on which it says frames, `u32 length of what follows · u8 kind · payload`, and
// we say nothing. One connection at a time. While the vault takes no more, nothing is read, and the reader waits.
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Refused } from '@strongroom/bytes';
import { socketPath } from '@strongroom/service';

const PREFIX_BYTES = 4;
/** Readers send no longer ones. */
const FRAME_BYTES_MAX = 8 * 1024 * 1024;

export interface ReaderHooks {
  /** Throws `Refused` for what no reader sends; then the connection is ended. */
  frame(kind: number, payload: Buffer): void;
  /** Resolves when more can be taken. */
  ready(): Promise<void>;
  /** The connection is over. */
  gone(why: string, refused: Refused | null): void;
  /** Somebody else connected, and was turned away. */
  second(): void;
}

export class ReaderLine {
  readonly #path: string;
  readonly #hooks: ReaderHooks;
  #server: Server | null = null;
  #socket: Socket | null = null;

  constructor(path: string, hooks: ReaderHooks) {
    this.#path = path;
    this.#hooks = hooks;
  }

  get connected(): boolean {
    return this.#socket !== null;
  }

  /** Rejects with the system's error when nothing can listen there. */
  listen(): Promise<void> {
    const path = socketPath(this.#path);
    rmSync(path, { force: true });
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject).listen(path, () => {
        chmodSync(path, 0o660);
        resolve();
      });
    });
  }

  close(): void {
    this.#server?.close();
    this.#socket?.destroy();
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined); // its end is told by what reads it
    if (this.#socket !== null) {
      socket.destroy();
      return this.#hooks.second();
    }
    this.#socket = socket;
    void this.#read(socket);
  }

  async #read(socket: Socket): Promise<void> {
    let why = 'it ended the line';
    let refused: Refused | null = null;
    const frames = new Frames();
    try {
      for await (const chunk of socket) {
        for (const { kind, payload } of frames.push(chunk as Buffer)) this.#hooks.frame(kind, payload);
        await this.#hooks.ready();
      }
    } catch (error) {
      if (error instanceof Refused) refused = error;
      why = (error as Error).message;
    }
    socket.destroy();
    this.#socket = null;
    this.#hooks.gone(why, refused);
  }
}

/** Cuts a stream of octets into frames; holds one unfinished frame at most. */
export class Frames {
  #parts: Buffer[] = [];
  #length = 0;

  /** The frames that `chunk` completes. Throws `Refused('reader.frame-length')`. */
  *push(chunk: Buffer): Generator<{ readonly kind: number; readonly payload: Buffer }> {
    this.#parts.push(chunk);
    this.#length += chunk.length;
    for (let length = this.#announced(); length !== null && this.#length >= length; length = this.#announced()) {
      const all = this.#whole();
      this.#parts = [all.subarray(length)];
      this.#length -= length;
      yield { kind: all[PREFIX_BYTES]!, payload: all.subarray(PREFIX_BYTES + 1, length) };
    }
  }

  /** Octets of the frame that has begun, with its prefix; null while that isn't known. */
  #announced(): number | null {
    if (this.#length < PREFIX_BYTES) return null;
    if (this.#parts[0]!.length < PREFIX_BYTES) this.#whole();
    const length = this.#parts[0]!.readUInt32BE(0);
    if (length === 0 || length > FRAME_BYTES_MAX) {
      throw new Refused('reader.frame-length', `a frame of a reader has ${length} octets`, { why: `at least 1 and at most ${FRAME_BYTES_MAX} are allowed`, fix: 'set up Strongroom again, so that all its parts are of one version' });
    }
    return PREFIX_BYTES + length;
  }

  #whole(): Buffer {
    const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [all];
    return all;
  }
}

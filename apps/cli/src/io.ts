// SPDX-License-Identifier: Apache-2.0
// The command's two outputs: data on stdout, talk on stderr. A reader who goes away (`| head`) is no error.
import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

/** One output. */
export interface Sink {
  readonly isTerminal: boolean;
  /** Columns of the terminal; undefined elsewhere. */
  readonly columns: number | undefined;
  readonly rows: number | undefined;
  /** Aborted when nobody reads any more. */
  readonly closed: AbortSignal;
  /** Resolves when more may be written. Never rejects. */
  write(text: string): Promise<void>;
  /** Coloured on a terminal, unless NO_COLOR says no. */
  style(style: Style, text: string): string;
}

export interface Io {
  readonly out: Sink;
  readonly err: Sink;
  readonly environment: NodeJS.ProcessEnv;
  /** Nanoseconds since 1970, UTC. */
  now(): bigint;
}

/** The process's own outputs. `onFailure` is told, once, that data could not be written: a full disk, not a closed pipe. */
export function processIo(onFailure: (error: Error) => void): Io {
  return {
    out: streamSink(process.stdout, onFailure),
    err: streamSink(process.stderr, () => undefined),
    environment: process.env,
    now: () => Temporal.Now.instant().epochNanoseconds,
  };
}

function streamSink(stream: NodeJS.WriteStream, onFailure: (error: Error) => void): Sink {
  const closed = new AbortController();
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A closed pipe is how `head` says thank you.
    if (error.code !== 'EPIPE' && !closed.signal.aborted) onFailure(error);
    closed.abort();
  });
  return {
    isTerminal: stream.isTTY === true,
    get columns() { return stream.isTTY === true ? stream.columns : undefined; },
    get rows() { return stream.isTTY === true ? stream.rows : undefined; },
    closed: closed.signal,
    write: (text) => {
      if (closed.signal.aborted || stream.write(text)) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          stream.off('drain', done);
          closed.signal.removeEventListener('abort', done);
          resolve();
        };
        stream.on('drain', done);
        closed.signal.addEventListener('abort', done, { once: true });
      });
    },
    style: (style, text) => styleText(style, text, { stream, validateStream: true }),
  };
}

const FLUSH_CHARACTERS = 65_536;

/** Joins many short lines into few writes. What is held goes out at 64 Ki characters, and whenever nothing else is to do. */
export class LineWriter {
  readonly #sink: Sink;
  #held: string[] = [];
  #characters = 0;
  #scheduled: NodeJS.Immediate | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  async line(text: string): Promise<void> {
    this.#held.push(text, '\n');
    this.#characters += text.length + 1;
    if (this.#characters >= FLUSH_CHARACTERS) await this.flush();
    else this.#scheduled ??= setImmediate(() => void this.flush());
  }

  async flush(): Promise<void> {
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    if (this.#characters === 0) return;
    const text = this.#held.join('');
    this.#held = [];
    this.#characters = 0;
    await this.#sink.write(text);
  }
}

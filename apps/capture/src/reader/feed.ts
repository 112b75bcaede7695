// SPDX-License-Identifier: Apache-2.0
// A native reader as a feed of capture: its line, from start to stop, and what becomes of its frames.
import { errorFields } from '@strongroom/service';
import type { Say } from '../events.ts';
import type { Feed } from '../feed.ts';
import { everyMinute } from '../sums.ts';
import { ReaderLine } from './line.ts';

/** A reader that hasn't come by then is told of as absent. */
const ABSENT_MS = 15_000;

/** What is made of one reader's frames. */
export interface Origin {
  /** Throws `Refused` for what no reader sends; then the line is ended. */
  frame(kind: number, payload: Buffer): void;
  /** The reader is gone, or we are about to be. */
  end(why: string): void;
  /** Seals how the sums stand. */
  seal(): void;
  /** What the tally does not say, for `stats`. */
  values(): Record<string, number>;
}

export interface ReaderFeedOptions {
  readonly name: 'audit' | 'ebpf' | 'files';
  /** Where the reader connects. */
  readonly path: string;
  readonly origin: Origin;
  readonly feed: Feed;
  readonly say: Say;
  /** Why there will be no reader, and what to do, for people. */
  readonly absent: { readonly why: string; readonly fix: string };
}

/** Listens before it returns; `over` resolves when `stop` was aborted. Rejects with the system's error when nothing can listen there. */
export async function startReaderFeed(options: ReaderFeedOptions, stop: AbortSignal): Promise<{ over: Promise<void> }> {
  const { name, path, origin, feed, say } = options;
  const line = new ReaderLine(path, {
    frame: (kind, payload) => origin.frame(kind, payload),
    ready: () => feed.ready(stop),
    gone: (why, refused) => {
      if (refused !== null) say(`${name}.refused`, errorFields(refused));
      origin.end(why);
    },
    second: () => say(`${name}.second-reader`, {}),
  });
  await line.listen();
  return { over: run(options, line, stop) };
}

async function run({ name, origin, say, absent }: ReaderFeedOptions, line: ReaderLine, stop: AbortSignal): Promise<void> {
  const late = setTimeout(() => { if (!line.connected) say(`${name}.absent`, absent); }, ABSENT_MS);
  await everyMinute(stop, () => origin.seal());
  clearTimeout(late);
  line.close();
  origin.end('capture stops');
  origin.seal();
}

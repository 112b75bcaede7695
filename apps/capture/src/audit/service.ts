// SPDX-License-Identifier: Apache-2.0
// The audit as a feed of capture: the line of its reader, from start to stop.
import { setTimeout as delay } from 'node:timers/promises';
import { errorFields } from '@strongroom/service';
import type { Say } from '../events.ts';
import type { Feed } from '../feed.ts';
import type { LocalStream } from '../stream.ts';
import { AuditOrigin, steadyMs } from './origin.ts';
import type { Own } from './own.ts';
import { ReaderLine } from './reader-line.ts';

/** The sums are sealed so often. */
const LEDGER_MS = 60_000;
/** A reader that hasn't come by then is told of as absent. */
const ABSENT_MS = 15_000;

export interface AuditFeedOptions {
  /** Where the reader connects. */
  readonly path: string;
  readonly feed: Feed;
  readonly stream: LocalStream;
  readonly say: Say;
  readonly recordBytesMax: number;
  readonly own: Own | null;
  /** Why there will be no reader, and what to do, for people. */
  readonly absent: { readonly why: string; readonly fix: string };
}

export class AuditFeed {
  readonly #options: AuditFeedOptions;
  readonly #origin: AuditOrigin;
  #said = false;

  constructor(options: AuditFeedOptions) {
    this.#options = options;
    this.#origin = new AuditOrigin(options, steadyMs());
  }

  get values(): Record<string, number> {
    return this.#origin.values();
  }

  /** Listens before it returns; what it returns resolves when `stop` was aborted. Rejects when nothing can listen there. */
  async start(stop: AbortSignal): Promise<{ over: Promise<void> }> {
    const { path, feed, say } = this.#options;
    const line = new ReaderLine(path, {
      frame: (kind, payload) => this.#origin.frame(kind, payload),
      ready: () => feed.ready(stop),
      gone: (why, refused) => {
        if (refused !== null) say('audit.refused', errorFields(refused));
        this.#origin.end(why);
      },
      second: () => say('audit.second-reader', {}),
    });
    await line.listen();
    return { over: this.#run(line, stop) };
  }

  async #run(line: ReaderLine, stop: AbortSignal): Promise<void> {
    const absent = setTimeout(() => this.#sayAbsent(line), ABSENT_MS);
    while (!stop.aborted) {
      await delay(LEDGER_MS, undefined, { signal: stop }).catch(() => undefined);
      if (!stop.aborted) this.#origin.seal();
    }
    clearTimeout(absent);
    line.close();
    this.#origin.end('capture stops');
    this.#origin.seal();
  }

  #sayAbsent(line: ReaderLine): void {
    if (line.connected || this.#said) return;
    this.#said = true;
    this.#options.say('audit.absent', this.#options.absent);
  }
}

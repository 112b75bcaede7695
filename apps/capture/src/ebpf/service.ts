// SPDX-License-Identifier: Apache-2.0
// eBPF as a feed of capture: the line of its probe, from start to stop.
import { setTimeout as delay } from 'node:timers/promises';
import { errorFields } from '@strongroom/service';
import { ReaderLine } from '../audit/reader-line.ts';
import { EbpfOrigin, type EbpfOptions } from './origin.ts';

/** The sums are sealed so often. */
const LEDGER_MS = 60_000;
/** A probe that hasn't come by then is told of as absent. */
const ABSENT_MS = 15_000;
const ABSENT = {
  why: 'strongroom-probe is not there: it takes root and a kernel with type information, and is built at set-up',
  fix: 'look at the notes of strongroom status; or set capture.ebpf.enabled to false',
};

export class EbpfFeed {
  readonly #options: EbpfOptions & { readonly path: string };
  readonly #origin: EbpfOrigin;

  /** `path`: where the probe connects. */
  constructor(options: EbpfOptions & { readonly path: string }) {
    this.#options = options;
    this.#origin = new EbpfOrigin(options);
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
        if (refused !== null) say('ebpf.refused', errorFields(refused));
        this.#origin.end(why);
      },
      second: () => say('ebpf.second-probe', {}),
    });
    await line.listen();
    return { over: this.#run(line, stop) };
  }

  async #run(line: ReaderLine, stop: AbortSignal): Promise<void> {
    const absent = setTimeout(() => { if (!line.connected) this.#options.say('ebpf.absent', ABSENT); }, ABSENT_MS);
    while (!stop.aborted) {
      await delay(LEDGER_MS, undefined, { signal: stop }).catch(() => undefined);
      if (!stop.aborted) this.#origin.seal();
    }
    clearTimeout(absent);
    line.close();
    this.#origin.end('capture stops');
    this.#origin.seal();
  }
}

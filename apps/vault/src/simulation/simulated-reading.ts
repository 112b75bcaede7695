// SPDX-License-Identifier: Apache-2.0
// The reading thread as custody asks it: the same looks at the published log, in the simulated time of one process.
import { Failed } from '@strongroom/bytes';
import { openFrame, xaesKey, type BatchEntry } from '@strongroom/evidence';
import { fromRpcError, toRpcError } from '@strongroom/service';
import { LogDirectory } from '../commit/log-directory.ts';
import { partsOf } from '../commit/segment-parts.ts';
import type { CustodyTools } from '../custody/tools.ts';
import { readRange } from '../disk.ts';
import { census, matches, type MatchesWanted } from '../read/census.ts';
import { PublishedLog } from '../upkeep/published-log.ts';
import type { World } from '../world.ts';

export interface SimulatedReadingOptions {
  readonly world: Pick<World, 'disk' | 'clock'>;
  readonly log: string;
  readonly segments: string;
  readonly dataKey: (segment: string) => Promise<Buffer>;
  readonly latencyMs: () => number;
}

export class SimulatedReading {
  readonly #options: SimulatedReadingOptions;
  readonly #underWay = new Set<(error: Error) => void>();

  constructor(options: SimulatedReadingOptions) {
    this.#options = options;
  }

  readonly ask: CustodyTools['reading']['ask'] = async (verb, args) => {
    const { world, latencyMs } = this.#options;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.#underWay.add(reject);
    try {
      await Promise.race([world.clock.sleep(latencyMs()), promise]);
      return await Promise.race([this.#inTime(this.#answer(verb, args)), promise]);
    } finally {
      this.#underWay.delete(reject);
    }
  };

  readonly interrupt = async (why: string): Promise<void> => {
    for (const reject of this.#underWay) reject(new Failed('read.thread', 'the reading thread ended', { why }));
    await this.#options.world.clock.sleep(this.#options.latencyMs());
  };

  /** It gives way now and then, as the thread does: time passes meanwhile. */
  async #inTime(answer: Promise<unknown>): Promise<unknown> {
    let isDone = false;
    const done = answer.finally(() => { isDone = true; });
    done.catch(() => undefined);
    for (let waitMs = 0.05; !isDone; waitMs = Math.min(2 * waitMs, 100)) await this.#options.world.clock.sleep(waitMs);
    return done;
  }

  async #answer(verb: 'census' | 'matches', args: unknown): Promise<unknown> {
    const { world: { disk }, log, segments } = this.#options;
    try {
      const published = new PublishedLog(new LogDirectory(disk, log));
      if (verb === 'census') return await census(published);
      return await matches(args as MatchesWanted, { log: published, history: { open: (entry) => this.#open(entry) }, isThere: (segment) => partsOf(disk, segments, segment).some(({ offset }) => offset === 0) });
    } catch (error) {
      throw fromRpcError(toRpcError(error));
    }
  }

  async #open({ segment, offset, length, header }: BatchEntry): Promise<Buffer> {
    const { world: { disk }, segments, dataKey } = this.#options;
    const key = xaesKey(await dataKey(segment));
    const part = partsOf(disk, segments, segment).findLast((one) => one.offset <= offset);
    if (part === undefined) throw new Failed('read.damaged', `segment ${segment} is not there`);
    return openFrame(key, header, Buffer.concat([...readRange(disk, part.path, offset - part.offset, offset - part.offset + length)].map((bytes) => Buffer.from(bytes))));
  }
}

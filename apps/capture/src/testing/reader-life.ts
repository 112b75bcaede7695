// SPDX-License-Identifier: Apache-2.0
// For tests: a life of capture as far as one native reader goes. What it seals is kept in memory.
import assert from 'node:assert/strict';
import { NO_KEY } from '@strongroom/evidence';
import { Feed } from '../feed.ts';
import type { Origin } from '../reader/feed.ts';
import { ReaderLine } from '../reader/line.ts';
import { LocalStream } from '../stream.ts';
import type { Position } from '../token.ts';
import { SealedLine } from './sealed-line.ts';

export abstract class ReaderLife {
  readonly line = new SealedLine();
  readonly feed: Feed;
  readonly stream: LocalStream;
  readonly server: ReaderLine;
  readonly path: string;
  /** Until this is kept nothing is read from the line. */
  #held: Promise<void> | null = null;
  /** As if it had been killed: what is on its way is not taken any more. */
  dead = false;
  abstract readonly origin: Origin;

  constructor(protocol: string, path: string, last: Position) {
    this.path = path;
    this.feed = new Feed(this.line, last, () => assert.fail('denied'));
    this.stream = new LocalStream({ id: 'spiffe://test/service/capture', keyHash: NO_KEY }, protocol, () => undefined);
    this.server = new ReaderLine(path, {
      frame: (kind, payload) => {
        if (!this.dead) this.origin.frame(kind, payload);
        if (!this.dead) void this.feed.drain();
      },
      ready: () => this.#held ?? Promise.resolve(),
      gone: (why, refused) => {
        assert.equal(refused, null);
        if (!this.dead) this.origin.end(why);
      },
      second: () => assert.fail('a second reader'),
    });
  }

  /** Nothing more is read from the line, until what this returns is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return () => {
      this.#held = null;
      resolve();
    };
  }
}

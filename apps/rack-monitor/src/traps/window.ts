// SPDX-License-Identifier: Apache-2.0
// What was signed once can be sent again by anybody. So a message counts when it is as new as its engine's time says, and once.
import type { Claims } from '../snmp/outer-form.ts';

/** RFC 3414, section 2.2.3. */
const WINDOW_SECONDS = 150;
const DIGESTS_MAX = 4096;

interface Heard {
  boots: number;
  seconds: number;
  /** Each with the time that it was signed at: what is out of the window is old by itself. */
  readonly digests: Map<string, number>;
}

export class Windows {
  readonly #engines = new Map<string, Heard>();

  /** Whether a message that was found to be signed is new; its engine's time is moved on by it. */
  admit({ engine, boots, seconds, digest }: Claims): 'new' | 'old' | 'again' | 'too-many' {
    const heard = this.#engines.get(engine);
    if (heard === undefined || boots > heard.boots) {
      this.#engines.set(engine, { boots, seconds, digests: new Map([[digest, seconds]]) });
      return 'new';
    }
    if (boots < heard.boots || seconds < heard.seconds - WINDOW_SECONDS) return 'old';
    if (heard.digests.has(digest)) return 'again';
    // More than fit into a window cannot all be remembered, and none of them may come twice.
    if (heard.digests.size >= DIGESTS_MAX && !makeRoom(heard)) return 'too-many';
    heard.seconds = Math.max(heard.seconds, seconds);
    heard.digests.set(digest, seconds);
    return 'new';
  }

  /** What a poll found out of an engine's time, which is signed as well. */
  learn(engine: string, boots: number, seconds: number): void {
    const heard = this.#engines.get(engine);
    if (heard === undefined || boots > heard.boots) this.#engines.set(engine, { boots, seconds, digests: new Map() });
    // A trap that was held back for longer than the window is old, though none came since.
    else if (boots === heard.boots) heard.seconds = Math.max(heard.seconds, seconds);
  }
}

function makeRoom({ digests, seconds }: Heard): boolean {
  for (const [digest, at] of digests) {
    if (at >= seconds - WINDOW_SECONDS) break; // they come about in their order
    digests.delete(digest);
  }
  return digests.size < DIGESTS_MAX;
}

// SPDX-License-Identifier: Apache-2.0
// What was signed once can be sent again by anybody. So a message counts when it is as new as its engine's time says, and once.
import type { Claims } from '../snmp/outer-form.ts';

/** RFC 3414, section 2.2.3. */
const WINDOW_SECONDS = 150;
const DIGESTS_MAX = 4096;

interface Heard {
  boots: number;
  seconds: number;
  readonly digests: Set<string>;
}

export class Windows {
  readonly #engines = new Map<string, Heard>();

  /** Whether a message that was found to be signed is new; its engine's time is moved on by it. */
  admit({ engine, boots, seconds, digest }: Claims): 'new' | 'old' | 'again' {
    const heard = this.#engines.get(engine);
    if (heard === undefined || boots > heard.boots) {
      this.#engines.set(engine, { boots, seconds, digests: new Set([digest]) });
      return 'new';
    }
    if (boots < heard.boots || seconds < heard.seconds - WINDOW_SECONDS) return 'old';
    if (heard.digests.has(digest)) return 'again';
    heard.seconds = Math.max(heard.seconds, seconds);
    heard.digests.add(digest);
    if (heard.digests.size > DIGESTS_MAX) heard.digests.delete(heard.digests.values().next().value!);
    return 'new';
  }

  /** What a poll found out of an engine's time, which is signed as well. */
  learn(engine: string, boots: number, seconds: number): void {
    const heard = this.#engines.get(engine);
    if (heard === undefined || boots > heard.boots) this.#engines.set(engine, { boots, seconds, digests: new Set() });
  }
}

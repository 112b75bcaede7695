// SPDX-License-Identifier: Apache-2.0
// For tests: waits for a fact, however slow the machine. One that waits in vain says what it saw last.
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Failed } from '@strongroom/bytes';

/** Only so that a wait in vain ends: no test depends on it. */
const PATIENCE_MS = 300_000;
const POLL_MS = 200;
const SEEN_CHARACTERS_MAX = 4000;

/** Asks until the answer is as wished, and resolves with it. Throws `Failed('testing.in-vain')` with the last answer. */
export async function eventually<T>(ask: () => T | Promise<T>, wished: (answer: T) => boolean, what: string): Promise<T> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await delay(POLL_MS)) {
    const answer = await ask();
    if (wished(answer)) return answer;
    if (performance.now() > deadline) throw new Failed('testing.in-vain', `waited in vain for ${what}`, { why: inspect(answer, { depth: 6, breakLength: Infinity }).slice(-SEEN_CHARACTERS_MAX) });
  }
}

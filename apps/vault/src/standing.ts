// SPDX-License-Identifier: Apache-2.0
// The state that the vault tells: stalled goes before degraded, degraded before running.
import type { ServiceState } from '@strongroom/service';

type Say = (state: ServiceState, reason?: string) => void;

export class Standing {
  readonly #say: Say;
  #degraded: string | null = null;
  #isRunning = false;

  constructor(say: Say) {
    this.#say = say;
  }

  /** Where the cycles stand. */
  readonly state: Say = (state, reason) => {
    this.#isRunning = state === 'running';
    if (this.#isRunning && this.#degraded !== null) this.#say('degraded', this.#degraded);
    else this.#say(state, reason);
  };

  /** Cycles go on, and a person is needed; null when that is over. */
  degrade(reason: string | null): void {
    if (reason === this.#degraded) return;
    this.#degraded = reason;
    if (this.#isRunning) this.state('running');
  }
}

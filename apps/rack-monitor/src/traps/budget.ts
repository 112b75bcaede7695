// SPDX-License-Identifier: Apache-2.0
// So much in a while, for each of some names; what is more is refused.

export class Budget {
  readonly #most: number;
  readonly #whileMs: number;
  readonly #spent = new Map<string, number>();
  #sinceMs = -Infinity;

  constructor(most: number, whileMs: number) {
    this.#most = most;
    this.#whileMs = whileMs;
  }

  /** Names are of devices, or few. */
  take(name: string, nowMs = performance.now()): boolean {
    if (!this.has(name, nowMs)) return false;
    this.#spent.set(name, (this.#spent.get(name) ?? 0) + 1);
    return true;
  }

  has(name: string, nowMs = performance.now()): boolean {
    if (nowMs - this.#sinceMs >= this.#whileMs) {
      this.#spent.clear();
      this.#sinceMs = nowMs;
    }
    return (this.#spent.get(name) ?? 0) < this.#most;
  }
}

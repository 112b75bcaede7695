// SPDX-License-Identifier: Apache-2.0
// By how much measurements move a discipline's mind at present: the most that one of the last few did. A long average would not do: what
// was put right when the machine started stays in it for hours.
const MEASUREMENTS = 4;

export class Wander {
  #update: string | null = null;
  #moves: number[] = [];

  /** `moveNs`: what the measurement `update` moved. */
  note(update: string, moveNs: number): number {
    if (update !== this.#update) this.#moves = [...this.#moves.slice(1 - MEASUREMENTS), Math.abs(moveNs)];
    this.#update = update;
    return Math.max(...this.#moves);
  }
}

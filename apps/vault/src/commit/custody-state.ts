// SPDX-License-Identifier: Apache-2.0
// What the log says of holds and destructions that is still in force, however far back it was said. Changed by committed
// entries alone, in normal operation and in recovery by the same `apply`; a snapshot of the commit log carries it on.
import { encodeEntry, type Entry, type Snapshot } from '@strongroom/evidence';

export class CustodyState {
  readonly #holds = new Map<string, Buffer>();
  readonly #destroying = new Map<string, Extract<Entry, { kind: 'destroy' }>>();

  /** Holds in force: HASH of the text by id. */
  get holds(): ReadonlyMap<string, Buffer> {
    return this.#holds;
  }

  /** `destroy` entries without their `destroyed`, by order. */
  get destroying(): ReadonlyMap<string, Extract<Entry, { kind: 'destroy' }>> {
    return this.#destroying;
  }

  apply(entry: Entry): void {
    if (entry.kind === 'hold') this.#holds.set(entry.hold, entry.document);
    if (entry.kind === 'release') this.#holds.delete(entry.hold);
    if (entry.kind === 'destroy') this.#destroying.set(entry.order, entry);
    if (entry.kind === 'destroyed') this.#destroying.delete(entry.order);
  }

  get snapshot(): Pick<Snapshot, 'holds' | 'destroying'> {
    return { holds: [...this.#holds].map(([hold, document]) => ({ hold, document })), destroying: [...this.#destroying.values()].map(encodeEntry) };
  }
}

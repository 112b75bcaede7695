// SPDX-License-Identifier: Apache-2.0
// What the machine may do to the vault at a moment; a plan turns these on and off.
import type { DiskChance, Operation, Outcome, Seeded, Unsynced } from '@strongroom/testing';

const SECTOR_BYTES = 512;

export class Chance implements DiskChance {
  readonly #random: Seeded;
  /** Probabilities for each operation of its kind. */
  writeError = 0;
  syncError = 0;
  nameError = 0;
  readError = 0;
  shortWrite = 0;
  slow = 0;
  /** Of an operation, whether the process is killed right before it. */
  kill = 0;
  hsmIsAway = false;
  hsmIsSilent = false;
  /** Errors injected so far that end a process. */
  injected = 0;

  constructor(random: Seeded) {
    this.#random = random;
  }

  get random(): Seeded {
    return this.#random;
  }

  latencyMs({ kind }: Operation): number {
    if (this.slow > 0 && this.#random.chance(this.slow)) return this.#random.between(20, 3000);
    return (kind === 'sync' ? this.#random.between(100, 3000) : this.#random.between(10, 200)) / 1000;
  }

  failure({ kind }: Operation): string | null {
    const probability = { write: this.writeError, sync: this.syncError, read: this.readError, close: 0, protect: 0, open: this.nameError, rename: this.nameError, remove: this.nameError, mkdir: this.nameError }[kind];
    if (probability === 0 || !this.#random.chance(probability)) return null;
    this.injected += 1;
    return 'EIO';
  }

  killsNow(_operation: Operation): boolean {
    return this.kill > 0 && this.#random.chance(this.kill);
  }

  shortened(bytes: number): number {
    return this.shortWrite > 0 && this.#random.chance(this.shortWrite) ? this.#random.between(1, bytes) : bytes;
  }

  failedSync(change: Unsynced): Outcome {
    return this.outcome(change, 0.5);
  }

  /** Of an unsynced change: gone, there, or some of its sectors or octets, or their length without them. */
  outcome(change: Unsynced, kept: number): Outcome {
    if (change.kind !== 'write') return this.#random.chance(kept) ? 'kept' : 'lost';
    const kind = this.#random.below(8);
    if (kind >= 4) return this.#random.chance(kept) ? 'kept' : 'lost';
    if (kind === 0) return { bytes: change.bytes.subarray(0, this.#random.below(change.bytes.length + 1)) };
    if (kind === 1) return { bytes: Buffer.alloc(change.bytes.length) };
    if (kind === 2) return { bytes: this.#random.bytes(change.bytes.length) };
    return { bytes: this.#sectors(change.at, change.bytes) };
  }

  #sectors(at: number, bytes: Buffer): Buffer {
    const torn = Buffer.from(bytes);
    for (let from = 0; from < bytes.length; ) {
      const to = Math.min(bytes.length, from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES));
      if (this.#random.chance(0.5)) torn.fill(0, from, to);
      from = to;
    }
    return torn;
  }

  calm(): void {
    [this.writeError, this.syncError, this.nameError, this.readError, this.shortWrite, this.slow, this.kill] = [0, 0, 0, 0, 0, 0, 0];
    [this.hsmIsAway, this.hsmIsSilent] = [false, false];
  }
}

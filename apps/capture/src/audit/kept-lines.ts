// SPDX-License-Identifier: Apache-2.0
// Events as they are sealed, end to end in one piece of memory that is used again.
import { joinedBytes, joinInto, type AuditRecord } from './record.ts';

const START_BYTES = 256 * 1024;

export class KeptLines {
  #octets = Buffer.allocUnsafeSlow(START_BYTES);
  #at = 0;
  #lengths: number[] = [];

  /** Octets since the last {@link take}. */
  get bytes(): number {
    return this.#at;
  }

  add(line: Buffer): void {
    this.#octets.set(line, this.#room(line.length));
  }

  /** Records of one event, as lines with LF between them. */
  join(records: readonly AuditRecord[]): void {
    const at = this.#room(joinedBytes(records));
    joinInto(this.#octets, at, records);
  }

  /** A copy of them, and how long each is. */
  take(): { readonly data: Buffer; readonly lengths: Uint32Array } {
    const taken = { data: Buffer.from(this.#octets.subarray(0, this.#at)), lengths: Uint32Array.from(this.#lengths) };
    [this.#at, this.#lengths] = [0, []];
    return taken;
  }

  /** Where the next line begins. */
  #room(length: number): number {
    const at = this.#at;
    this.#at += length;
    this.#lengths.push(length);
    if (this.#at <= this.#octets.length) return at;
    const larger = Buffer.allocUnsafeSlow(2 * this.#at);
    this.#octets.copy(larger, 0, 0, at);
    this.#octets = larger;
    return at;
  }
}

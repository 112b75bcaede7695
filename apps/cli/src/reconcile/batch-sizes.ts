// SPDX-License-Identifier: Apache-2.0
// How many records each batch of the log has, in the order of the log: 12 octets for each.

export class BatchSizes {
  #entries = new Float64Array(1024);
  #records = new Uint32Array(1024);
  #count = 0;

  /** Entries rise. */
  add(entry: number, records: number): void {
    if (this.#count === this.#entries.length) this.#grow();
    this.#entries[this.#count] = entry;
    this.#records[this.#count] = records;
    this.#count += 1;
  }

  /** Whether the log has that record. */
  has(entry: number, record: number): boolean {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]! < entry) low = middle + 1;
      else high = middle;
    }
    return low < this.#count && this.#entries[low] === entry && record < this.#records[low]!;
  }

  #grow(): void {
    const [entries, records] = [new Float64Array(this.#count * 2), new Uint32Array(this.#count * 2)];
    entries.set(this.#entries);
    records.set(this.#records);
    [this.#entries, this.#records] = [entries, records];
  }
}

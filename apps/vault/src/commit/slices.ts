// SPDX-License-Identifier: Apache-2.0
// Long reading on the vault's own thread goes in slices: between them it tells that it lives, and hears what it is told.

/** A few hundredths of a second's reading and hashing. */
const SLICE_BYTES = 8 * 1024 * 1024;

/** Told of octets that were read; resolves at once, or after others have had their turn. */
export type Pace = (bytes: number) => Promise<void>;

export function sliced(turn: () => Promise<void>): Pace {
  let read = 0;
  return async (bytes) => {
    read += bytes;
    if (read < SLICE_BYTES) return;
    read = 0;
    await turn();
  };
}

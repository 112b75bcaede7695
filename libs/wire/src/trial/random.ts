// SPDX-License-Identifier: Apache-2.0
// A small seeded generator (mulberry32), so that every fuzz case can be made again from its seed.

export type Random = (below: number) => number;

/** Whole numbers from 0 up to, not including, what is asked for. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)]!;
}

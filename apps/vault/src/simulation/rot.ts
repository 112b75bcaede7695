// SPDX-License-Identifier: Apache-2.0
// A bit of what is sealed turns over on the disk. Either the verifier notices, or it was a bit without meaning: everybody
// reads what they read before, and a vault goes on as if nothing had been.
import type { DiskImage, Seeded } from '@strongroom/testing';
import { Machine } from './machine.ts';
import { readStore, verdictOn } from './sealed-store.ts';
import { Violation } from './violation.ts';

export type Rot = 'noticed' | 'without meaning';

/** Throws `Violation` when neither is so. */
export async function rotOneBit(machine: Machine, random: Seeded): Promise<Rot> {
  const { paths, keys, oracle, options } = machine;
  const image = machine.image.clone();
  const files = [...image.files(paths.store)].filter(([, { cache }]) => cache.length > 0);
  const [path, file] = random.pick(files);
  const [at, bit] = [random.below(file.cache.length), random.below(8)];
  const rotten = Buffer.from(file.cache);
  rotten[at]! ^= 1 << bit;
  [file.cache, file.disk, file.unsynced] = [rotten, rotten, []];
  if (!verdictOn(image, paths, keys).ok) return 'noticed';
  const runsOf = (of: DiskImage): string => JSON.stringify(readStore(of, paths, keys).runs, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  if (runsOf(image) !== runsOf(machine.image)) throw new Violation(`bit ${bit} of octet ${at} of ${path} turned over: others records are read, and verify said nothing`);
  const next = new Machine({ random: random.fork('rotten'), sizes: options.sizes, image, oracle: oracle.clone(), keys });
  next.start();
  await next.time.run(() => next.violation !== null || next.vault?.isListening === true, 60_000);
  next.vault?.die();
  if (next.violation !== null) throw new Violation(`bit ${bit} of octet ${at} of ${path} turned over, verify said nothing, and then: ${next.violation.message}`);
  return 'without meaning';
}

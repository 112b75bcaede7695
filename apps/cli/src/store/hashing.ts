// SPDX-License-Identifier: Apache-2.0
// By what verification hashes records: the native add-on where set-up built it, because hashing is most of the work; and one
// batch in sixteen, another one each time, by code that shares nothing with it, so that a mistake of the add-on is not judged
// by the add-on alone.
import { randomInt } from 'node:crypto';
import { useNativeHasher } from '@strongroom/service/native-hasher';

const ONE_OF = 16;

/** Which batches, by entry, to hash without the add-on. `all`: it is not even loaded. */
export function independentBatches(all: boolean): (index: number) => boolean {
  if (all || !hasNativeHasher()) return () => true;
  const turn = randomInt(ONE_OF);
  return (index) => index % ONE_OF === turn;
}

/** One that does not load, or does not hash as it should, is the vault's to report: here it is done without. */
function hasNativeHasher(): boolean {
  try {
    return useNativeHasher();
  } catch {
    return false;
  }
}

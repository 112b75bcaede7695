// SPDX-License-Identifier: Apache-2.0
import type { StoreReader } from '@strongroom/evidence';

const CHECKPOINT = 'log/checkpoint';

/**
 * Reads the checkpoint now, and gives it to the first who asks; later ones get the present one. What is gathered in
 * between (keys, checksums) then covers at least what that checkpoint covers.
 */
export function pinCheckpoint(store: StoreReader): StoreReader {
  let pinned = attempt(() => store.readFile(CHECKPOINT));
  return {
    readFile: (path) => {
      if (path !== CHECKPOINT || pinned === null) return store.readFile(path);
      const first = pinned;
      pinned = null;
      return first;
    },
    readAt: (path, offset, length) => store.readAt(path, offset, length),
    list: (directory) => store.list(directory),
    sizeOf: (path) => store.sizeOf(path),
  };
}

/** What cannot be read is found again, and named, by whoever reads it. */
function attempt(read: () => Buffer | null): Buffer | null {
  try {
    return read();
  } catch {
    return null;
  }
}

// SPDX-License-Identifier: Apache-2.0
import type { StoreReader } from '@strongroom/evidence';

const CHECKPOINT = 'log/checkpoint';
/** What witnesses have cosigned is never ahead of the checkpoint that is read after it. */
const WITNESSED = 'witnessed';

/**
 * Reads the checkpoint now, and gives it to the first who asks; later ones get the present one. What is gathered in
 * between (keys, checksums) then covers at least what that checkpoint covers.
 */
export function pinCheckpoint(store: StoreReader): StoreReader {
  const pinned = new Map([WITNESSED, CHECKPOINT].map((path) => [path, attempt(() => store.readFile(path))] as const));
  return {
    readFile: (path) => {
      const first = pinned.get(path) ?? null;
      pinned.delete(path);
      return first ?? store.readFile(path);
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

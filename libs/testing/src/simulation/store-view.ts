// SPDX-License-Identifier: Apache-2.0
// A simulated disk as verification reads it.
import type { StoreReader } from '@strongroom/evidence';
import type { DiskImage, FileNode } from './disk-image.ts';

/** The store at a path, as the page cache shows it now. */
export function storeView(image: DiskImage, path: string): StoreReader {
  const file = (relative: string): FileNode | null => {
    const node = image.find(`${path}/${relative}`);
    return node?.kind === 'file' ? node : null;
  };
  return {
    readFile: (relative) => copy(file(relative)?.cache),
    readAt: (relative, offset, length) => copy(file(relative)?.cache.subarray(offset, offset + length)),
    sizeOf: (relative) => file(relative)?.cache.length ?? null,
    list: (relative) => {
      const node = image.find(`${path}/${relative}`);
      if (node?.kind !== 'directory') return [];
      return [...node.cache].map(([name, child]) => (child.kind === 'directory' ? `${name}/` : name)).sort();
    },
  };
}

function copy(bytes: Buffer | undefined): Buffer | null {
  return bytes === undefined ? null : Buffer.from(bytes);
}

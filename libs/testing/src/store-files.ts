// SPDX-License-Identifier: Apache-2.0
// Built stores as verification reads them, and on disk.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StoreReader } from '@strongroom/evidence';

/** Reads a store that is a map from path to bytes. */
export function memoryStore(files: ReadonlyMap<string, Buffer>): StoreReader {
  return {
    readFile: (path) => copy(files.get(path)),
    readAt: (path, offset, length) => copy(files.get(path)?.subarray(offset, offset + length)),
    sizeOf: (path) => files.get(path)?.length ?? null,
    list: (directory) => namesIn(files, directory),
  };
}

function copy(bytes: Buffer | undefined): Buffer | null {
  return bytes === undefined ? null : Buffer.from(bytes);
}

function namesIn(files: ReadonlyMap<string, Buffer>, directory: string): string[] {
  const start = directory === '.' ? '' : `${directory}/`;
  const names = new Set<string>();
  for (const path of files.keys()) {
    if (!path.startsWith(start)) continue;
    const [name = '', ...below] = path.slice(start.length).split('/');
    names.add(below.length > 0 ? `${name}/` : name);
  }
  return [...names].toSorted();
}

/** Writes files below a directory that need not exist. */
export function writeFiles(directory: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [path, bytes] of files) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
}

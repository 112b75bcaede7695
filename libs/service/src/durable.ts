// SPDX-License-Identifier: Apache-2.0
import { open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a small file whole. Order, and what a crash leaves:
 * 1. write and fsync `<path>.new`: the old file, and perhaps a leftover that the next call overwrites;
 * 2. rename over `path`: the old or the new file, never a mixture;
 * 3. fsync the directory: from here on the new file.
 */
export async function writeDurably(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const aside = `${path}.new`;
  await withFile(aside, 'w', mode, async (file) => {
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  });
  await rename(aside, path);
  await syncDirectory(dirname(path));
}

/** Makes names that were created, renamed or removed in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  await withFile(path, 'r', 0, (directory) => directory.sync());
}

async function withFile(path: string, flags: string, mode: number, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

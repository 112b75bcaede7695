// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Replaces a small file whole. Order, and what a crash leaves:
 * 1. remove, create, write and fsync `<path>.new`: the old file, and perhaps a leftover that the next call removes;
 * 2. rename over `path`: the old or the new file, never a mixture;
 * 3. fsync the directory: from here on the new file.
 * The file is created exclusively, so root may write into a directory of a service without following what lies there.
 */
export async function writeDurably(path: string, content: string | Uint8Array, mode = 0o600, owner?: Owner): Promise<void> {
  const aside = `${path}.new`;
  await rm(aside, { force: true });
  await withFile(aside, CREATE, mode, async (file) => {
    await file.chmod(mode);
    if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    await file.writeFile(content);
    await file.sync();
  });
  await rename(aside, path);
  await syncDirectory(dirname(path));
}

/** Makes names that were created, renamed or removed in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  await withFile(path, constants.O_RDONLY | constants.O_DIRECTORY, 0, (directory) => directory.sync());
}

async function withFile(path: string, flags: number, mode: number, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

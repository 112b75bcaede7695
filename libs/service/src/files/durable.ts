// SPDX-License-Identifier: Apache-2.0
import { constants, readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What a durable write needs of an open file; `node:fs/promises` has it under the same names. */
export interface DurableFile {
  chmod(mode: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  writeFile(content: string | Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What a durable write needs of a disk. */
export interface DurableDisk {
  open(path: string, flags: number, mode: number): Promise<DurableFile>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { readonly force: boolean; readonly recursive?: boolean }): Promise<void>;
}

const SYSTEM_DISK: DurableDisk = { open, rename, rm };
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Replaces a small file whole. Order, and what a crash leaves:
 * 1. create, write and fsync `<path>.new`: the old file, and perhaps a leftover, which the next call finds and removes;
 * 2. rename over `path`: the old or the new file, never a mixture;
 * 3. fsync the directory: from here on the new file.
 * The file is created exclusively, so root may write into a directory of a service without following what lies there.
 */
export async function writeDurably(path: string, content: string | Uint8Array, mode = 0o600, owner?: Owner, disk: DurableDisk = SYSTEM_DISK): Promise<void> {
  const aside = `${path}.new`;
  await closing(await createAside(disk, aside, mode), async (file) => {
    await file.chmod(mode);
    if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    await file.writeFile(content);
    await file.sync();
  });
  await disk.rename(aside, path);
  await syncDirectory(dirname(path), disk);
}

/** A leftover is mostly not there, and removing nothing costs a fifth of all that is done here. */
async function createAside(disk: DurableDisk, aside: string, mode: number): Promise<DurableFile> {
  try {
    return await disk.open(aside, CREATE, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await disk.rm(aside, { force: true });
    return await disk.open(aside, CREATE, mode);
  }
}

/** Makes names that were created, renamed or removed in a directory durable. */
export async function syncDirectory(path: string, disk: DurableDisk = SYSTEM_DISK): Promise<void> {
  await closing(await disk.open(path, constants.O_RDONLY | constants.O_DIRECTORY, 0), (directory) => directory.sync());
}

async function closing(file: DurableFile, use: (file: DurableFile) => Promise<void>): Promise<void> {
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

/** The text of a file; null where there is none. Throws what the system says of anything else. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

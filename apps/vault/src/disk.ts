// SPDX-License-Identifier: Apache-2.0
// The vault's door to the disk. A write ends in one of three ways: done; no room (`vault.disk-full`: nothing was promised,
// see commit/loop.ts); or failed (`vault.write-failed`), after which the page cache may show what the disk lacks, so that the
// process must end and recover.
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, readSync, statfsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { syncDirectory, writeDurably, type DurableDisk, type DurableFile } from '@strongroom/service';

/** An open file, with the names that it has in `node:fs/promises`. */
export interface DiskFile extends DurableFile {
  writev(parts: readonly Buffer[]): Promise<{ readonly bytesWritten: number }>;
  write(bytes: Buffer, offset: number, length: number): Promise<{ readonly bytesWritten: number }>;
  datasync(): Promise<void>;
}

/** All that the vault does to a disk, with the names of `node:fs`: writing is awaited, reading is not. */
export interface Disk extends DurableDisk {
  open(path: string, flags: number, mode: number): Promise<DiskFile>;
  mkdir(path: string, options: { readonly recursive: true; readonly mode: number }): Promise<string | undefined>;
  existsSync(path: string): boolean;
  readFileSync(path: string): Buffer;
  readdirSync(path: string): string[];
  openSync(path: string, flags: number): number;
  readSync(fd: number, into: Buffer, offset: number, length: number, position: number): number;
  closeSync(fd: number): void;
  statfsSync(path: string): { readonly bavail: number; readonly bsize: number };
}

export const SYSTEM_DISK: Disk = { open, rename, rm, mkdir, existsSync, readFileSync, readdirSync, openSync, readSync, closeSync, statfsSync };

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
const APPEND_NEW = APPEND | constants.O_EXCL;
const OVERWRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
const PART_BYTES = 1024 * 1024;
const FILE_MODE = 0o640;
/** Of one tree that are known to be durable; forgetting them costs a sync each. */
const DIRECTORIES_MAX = 1024;

export function isDiskFull(error: unknown): boolean {
  return error instanceof Failed && error.code === 'vault.disk-full';
}

/** Runs a write and names its failure: `vault.disk-full` or `vault.write-failed`. */
async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if (cause instanceof Failed) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new Failed('vault.disk-full', `${path} cannot grow`, { why: `the disk answered ${code}`, fix: 'make room on the file system that holds the store', cause });
    }
    throw new Failed('vault.write-failed', `${path} could not be written and made durable`, {
      why: message, fix: 'the vault restarts and recovers by itself; look at the disk if this repeats', cause,
    });
  }
}

/** A file that only grows. */
export class AppendFile {
  readonly path: string;
  readonly #handle: DiskFile;
  #length = 0;

  private constructor(path: string, handle: DiskFile) {
    this.path = path;
    this.#handle = handle;
  }

  /** Makes a new file, its name and its first bytes durable, all or nothing: a crash leaves at most `<path>.new`. */
  static async create(disk: Disk, path: string, first: Buffer): Promise<AppendFile> {
    const aside = `${path}.new`;
    await disk.rm(aside, { force: true });
    const file = new AppendFile(path, await writing(path, () => disk.open(aside, APPEND_NEW, FILE_MODE)));
    try {
      await file.append(first);
      await file.sync();
      await writing(path, () => putInPlace(disk, aside, path));
      return file;
    } catch (error) {
      await file.close();
      await disk.rm(aside, { force: true });
      throw error;
    }
  }

  get length(): number {
    return this.#length;
  }

  /** Parts, one after the other. */
  async append(...parts: readonly Buffer[]): Promise<void> {
    await writing(this.path, () => this.#write(parts));
    this.#length += lengthOf(parts);
  }

  async #write(parts: readonly Buffer[]): Promise<void> {
    const { bytesWritten } = await this.#handle.writev(parts);
    if (bytesWritten === lengthOf(parts)) return;
    // A short write mostly means that the disk is filling up: the rest goes piece by piece until it says so.
    const rest = Buffer.concat(parts).subarray(bytesWritten);
    for (let at = 0; at < rest.length; ) at += (await this.#handle.write(rest, at, rest.length - at)).bytesWritten;
  }

  /** After a failure what was appended since the last sync is in doubt: never retried. */
  async sync(): Promise<void> {
    await writing(this.path, () => this.#handle.datasync());
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** What is there already is never replaced: it may be evidence. The exclusive lock keeps others out. */
async function putInPlace(disk: Disk, aside: string, path: string): Promise<void> {
  if (disk.existsSync(path)) throw new Failed('vault.write-failed', `${path} is there already`, { why: 'a new file was to be made there', fix: 'run "strongroom verify"' });
  await disk.rename(aside, path);
  try {
    await syncDirectory(dirname(path), disk);
  } catch (cause) {
    // It is there already: lack of room is no longer "nothing happened", after which the file before it would go on.
    throw new Failed('vault.write-failed', `the name of ${path} could not be made durable`, { why: (cause as Error).message, fix: 'the vault restarts and recovers by itself', cause });
  }
}

/** Puts a small file in place whole and durable, its directory too if that is new; see {@link FileTree} for deeper ones. */
export async function putFile(disk: Disk, path: string, content: string | Buffer): Promise<void> {
  await writing(path, async () => {
    const made = await disk.mkdir(dirname(path), { recursive: true, mode: 0o750 });
    await writeDurably(path, content, FILE_MODE, undefined, disk);
    for (let at = dirname(path); made !== undefined && at.length >= made.length; at = dirname(at)) await syncDirectory(dirname(at), disk);
  });
}

/**
 * A tree of small files below a directory whose own name is durable. The names of further directories are synced by the
 * first file that this process puts there: one that is found may be of a process that was killed before it synced it.
 */
export class FileTree {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #durable = new Set<string>();

  constructor(disk: Disk, root: string) {
    [this.#disk, this.#root] = [disk, root];
  }

  /** Whole and durable, with the directories that it stands in. */
  async put(path: string, content: string | Buffer): Promise<void> {
    const unsure: string[] = [];
    for (let at = dirname(path); at !== this.#root && !this.#durable.has(at); at = dirname(at)) unsure.push(at);
    await writing(path, async () => {
      if (unsure.length > 0) await this.#disk.mkdir(dirname(path), { recursive: true, mode: 0o750 });
      await writeDurably(path, content, FILE_MODE, undefined, this.#disk);
      for (const directory of unsure) await syncDirectory(dirname(directory), this.#disk);
    });
    if (this.#durable.size > DIRECTORIES_MAX) this.#durable.clear();
    for (const directory of unsure) this.#durable.add(directory);
  }

  async remove(path: string): Promise<void> {
    this.#durable.delete(path);
    await removePath(this.#disk, path);
  }
}

/** Makes the names in a directory durable. */
export async function syncNames(disk: Disk, directory: string): Promise<void> {
  await writing(directory, () => syncDirectory(directory, disk));
}

/** Appends a line to a small file and makes it durable. */
export async function appendLine(disk: Disk, path: string, line: string): Promise<void> {
  await writing(path, async () => {
    const file = await disk.open(path, APPEND, FILE_MODE);
    try {
      await file.writeFile(line);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncDirectory(dirname(path), disk);
  });
}

/** Copies a range into a new durable file; a crash leaves at most `<to>.new`, which nobody reads. Bounded memory. */
export async function copyRange(disk: Disk, from: string, start: number, end: number, to: string): Promise<void> {
  await writing(to, async () => {
    const target = await disk.open(`${to}.new`, OVERWRITE, FILE_MODE);
    try {
      for (const part of readRange(disk, from, start, end)) await target.writeFile(part);
      await target.sync();
    } finally {
      await target.close();
    }
    await disk.rename(`${to}.new`, to);
    await syncDirectory(dirname(to), disk);
  });
}

/** Bytes of a file in parts of at most 1 MiB; each is valid until the next. Throws `vault.file-short`. */
export function* readRange(disk: Disk, path: string, start: number, end: number): Generator<Buffer> {
  const part = Buffer.allocUnsafe(Math.min(PART_BYTES, Math.max(1, end - start)));
  const fd = disk.openSync(path, constants.O_RDONLY);
  try {
    for (let at = start; at < end; ) {
      const count = disk.readSync(fd, part, 0, Math.min(part.length, end - at), at);
      if (count === 0) throw new Failed('vault.file-short', `${path} ends before what the log says of it`, { why: `octet ${at} of ${end} is missing`, fix: 'run "strongroom verify"' });
      yield part.subarray(0, count);
      at += count;
    }
  } finally {
    disk.closeSync(fd);
  }
}

/** The first octets of a file, as many as there are up to `length`. */
export function readHead(disk: Disk, path: string, length: number): Buffer {
  const head = Buffer.alloc(length);
  const fd = disk.openSync(path, constants.O_RDONLY);
  try {
    return head.subarray(0, disk.readSync(fd, head, 0, length, 0));
  } finally {
    disk.closeSync(fd);
  }
}

/** The whole file, or null when there is none. */
export function readWhole(disk: Disk, path: string): Buffer | null {
  try {
    return disk.readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function listDirectory(disk: Disk, path: string): string[] {
  try {
    return disk.readdirSync(path).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Makes directories that may be there already; their names are durable afterwards. */
export async function makeStore(disk: Disk, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await writing(path, async () => {
      await disk.mkdir(path, { recursive: true, mode: 0o750 });
      await syncDirectory(dirname(path), disk);
    });
  }
}

/** Removes a file for good: its name is durably gone when this resolves. One that is not there is gone. */
export async function removeDurably(disk: Disk, path: string): Promise<void> {
  await writing(path, async () => {
    await disk.rm(path, { force: true });
    await syncDirectory(dirname(path), disk);
  });
}

export async function removePath(disk: Disk, path: string): Promise<void> {
  await disk.rm(path, { recursive: true, force: true });
}

/** Octets that we may still write on the file system of `path`. */
export function freeBytes(disk: Disk, path: string): number {
  const { bavail, bsize } = disk.statfsSync(path);
  return bavail * bsize;
}

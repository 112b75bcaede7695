// SPDX-License-Identifier: Apache-2.0
// A disk as one process sees it, with the names of node:fs: every call takes time, may fail, and may be cut short by the
// death of the process. What a disk holds outlives processes: disk-image.ts.
import { constants } from 'node:fs';
import { hash } from 'node:crypto';
import { DiskError, type DiskImage, type FileNode, type Flag, type Node, type Outcome, type Unsynced } from './disk-image.ts';
import { SimulatedFile } from './simulated-file.ts';
import type { Owner, SimulatedTime } from './simulated-time.ts';

export type OperationKind = 'open' | 'write' | 'sync' | 'rename' | 'remove' | 'mkdir' | 'close' | 'protect' | 'read';

/** One call of a process. */
export interface Operation {
  readonly kind: OperationKind;
  readonly path: string;
  /** Octets to write. */
  readonly bytes: number;
}

/** What happens to operations; all of it may be chance of a seed, or nothing. */
export interface DiskChance {
  /** Milliseconds until it is done. */
  latencyMs(operation: Operation): number;
  /** The error code it fails with, or null. */
  failure(operation: Operation): string | null;
  /** How many of the octets one write takes. */
  shortened(bytes: number): number;
  /** Of a failed sync of a file: what reached the disk all the same. */
  failedSync(change: Unsynced): Outcome;
}

export interface SimulatedDiskOptions {
  readonly image: DiskImage;
  readonly time: SimulatedTime;
  readonly owner: Owner;
  readonly chance: DiskChance;
  /** Octets that all files may have together. */
  readonly capacity: () => number;
  /** Told before an operation takes effect; after this returns the process may be dead, and nothing happens. */
  readonly before: (operation: Operation) => void;
  /** Told of each effect. */
  readonly after: (operation: Operation, told: string) => void;
}

interface UnderWay {
  readonly operation: Operation;
  readonly effect: (bytes: number) => unknown;
}

export class SimulatedDisk {
  readonly #options: SimulatedDiskOptions;
  readonly #underWay = new Set<UnderWay>();
  readonly #open = new Map<number, { readonly path: string; readonly node: Node; at: number }>();
  #lastFd = 2;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
  }

  /** The process was killed: calls under way take effect whole, in part, or not, as `choose` says of each. */
  kill(choose: (operation: Operation) => number): void {
    for (const { operation, effect } of this.#underWay) {
      const bytes = choose(operation);
      if (bytes < 0) continue;
      try {
        effect(Math.min(bytes, operation.bytes));
      } catch {
        // It failed, and nobody is left to hear of it.
      }
    }
    this.#underWay.clear();
  }

  async open(path: string, flags: number, _mode: number): Promise<SimulatedFile> {
    const node = await this.#do('open', path, 0, () => this.#opened(path, flags));
    return new SimulatedFile(this, path, node, (flags & constants.O_APPEND) !== 0);
  }

  #opened(path: string, flags: number): Node {
    const { image } = this.#options;
    const found = image.find(path);
    if ((flags & constants.O_DIRECTORY) !== 0) return image.directory(path);
    if (found === null) {
      if ((flags & constants.O_CREAT) === 0) throw new DiskError('ENOENT', `no such file, open '${path}'`);
      this.#needRoom(1);
      return image.create(path);
    }
    if ((flags & constants.O_EXCL) !== 0) throw new DiskError('EEXIST', `file already exists, open '${path}'`);
    const isWriting = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
    if (found.kind === 'directory') throw new DiskError('EISDIR', `is a directory, open '${path}'`);
    const isRefused = found.flag === 'immutable' || (found.flag === 'append' && (flags & constants.O_APPEND) === 0);
    if (isWriting && isRefused) throw new DiskError('EPERM', `is protected, open '${path}'`);
    if ((flags & constants.O_TRUNC) !== 0) image.truncate(found);
    return found;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#do('rename', to, 0, () => this.#options.image.rename(from, to));
  }

  async rm(path: string, { force, recursive = false }: { readonly force: boolean; readonly recursive?: boolean }): Promise<void> {
    const node = this.#options.image.find(path);
    if (node === null && force) return;
    if (node?.kind === 'directory' && recursive) for (const name of this.readdirSync(path).sort()) await this.rm(`${path}/${name}`, { force, recursive });
    await this.#do('remove', path, 0, () => {
      if (this.#options.image.find(path) !== null) this.#options.image.remove(path);
    });
  }

  async mkdir(path: string, _options: { readonly recursive: true; readonly mode: number }): Promise<string | undefined> {
    let first: string | undefined;
    const missing: string[] = [];
    for (let at = path; this.#options.image.find(at) === null; at = at.slice(0, at.lastIndexOf('/'))) missing.unshift(at);
    for (const one of missing) {
      await this.#do('mkdir', one, 0, () => {
        if (this.#options.image.find(one) !== null) return;
        this.#needRoom(1);
        this.#options.image.makeDirectory(one);
      });
      first ??= one;
    }
    return first;
  }

  /** As `chattr` does it. */
  async protect(path: string, flag: Flag | 'none'): Promise<boolean> {
    return this.#do('protect', path, 0, () => {
      this.#options.image.setFlag(path, flag === 'none' ? null : flag);
      return true;
    });
  }

  existsSync(path: string): boolean {
    return this.#options.image.find(path) !== null;
  }

  readFileSync(path: string): Buffer {
    this.#fail({ kind: 'read', path, bytes: 0 });
    return Buffer.from(this.#options.image.file(path).cache);
  }

  readdirSync(path: string): string[] {
    this.#fail({ kind: 'read', path, bytes: 0 });
    return [...this.#options.image.directory(path).cache.keys()];
  }

  openSync(path: string, flags: number, _mode?: number): number {
    const isMaking = (flags & constants.O_CREAT) !== 0;
    const node = isMaking ? this.#atOnce('open', path, 0, () => this.#opened(path, flags)) : this.#opened(path, flags);
    this.#open.set((this.#lastFd += 1), { path, node, at: 0 });
    return this.#lastFd;
  }

  readSync(fd: number, into: Buffer, offset: number, length: number, position: number | null): number {
    this.#fail({ kind: 'read', path: `descriptor ${fd}`, bytes: length });
    const { open, node } = this.#fileOf(fd);
    const count = node.cache.copy(into, offset, position ?? open.at, (position ?? open.at) + length);
    if (position === null) open.at += count;
    return count;
  }

  closeSync(fd: number): void {
    this.#open.delete(fd);
  }

  statSync(path: string): { readonly size: number; readonly dev: number } {
    const node = this.#options.image.find(path);
    if (node === null) throw new DiskError('ENOENT', `no such file, stat '${path}'`);
    return { size: node.kind === 'file' ? node.cache.length : 0, dev: 1 };
  }

  fstatSync(fd: number): { readonly size: number } {
    return { size: this.#fileOf(fd).node.cache.length };
  }

  ftruncateSync(fd: number, length: number): void {
    const { open, node } = this.#fileOf(fd);
    this.#atOnce('write', open.path, 0, () => this.#options.image.truncate(node, length));
  }

  /** Appends: who writes at once does nothing else here. */
  writeSync(fd: number, text: string): number {
    const { open, node } = this.#fileOf(fd);
    return this.#atOnce('write', open.path, text.length, () => this.#written(open.path, node, null, Buffer.from(text), Infinity));
  }

  fsyncSync(fd: number): void {
    const { path, node } = this.#open.get(fd)!;
    this.#atOnce('sync', path, 0, () => this.#synced(path, node), false);
  }

  #fileOf(fd: number): { readonly open: { readonly path: string; at: number }; readonly node: FileNode } {
    const open = this.#open.get(fd)!;
    if (open.node.kind !== 'file') throw new DiskError('EISDIR', `'${open.path}' is a directory`);
    return { open, node: open.node };
  }

  /** A call that blocks its thread. One of a process that was killed does nothing, and does not return. */
  #atOnce<T>(kind: OperationKind, path: string, bytes: number, effect: () => T, mayFail = true): T {
    const operation: Operation = { kind, path, bytes };
    const { owner, before, after } = this.#options;
    if (owner.isAlive) before(operation);
    if (!owner.isAlive) throw new DiskError('EKILLED', `${kind} '${path}' of a process that is gone`);
    if (mayFail) this.#fail(operation);
    const result = effect();
    after(operation, 'done');
    return result;
  }

  statfsSync(_path: string): { readonly bavail: number; readonly bsize: number } {
    return { bavail: Math.max(0, this.#roomBytes()), bsize: 1 };
  }

  /** What is used is summed up over all files: not where there is room without end. */
  #roomBytes(): number {
    const capacity = this.#options.capacity();
    return capacity === Infinity ? Infinity : capacity - this.#options.image.usedBytes;
  }

  /** A new name needs a block, sooner or later. */
  #needRoom(bytes: number): void {
    if (this.#roomBytes() < bytes) throw new DiskError('ENOSPC', 'no space left on device');
  }

  /** Appends, or writes at `at`: as much as there is room for, and as chance lets through. Returns how much. */
  async write(path: string, file: FileNode, at: number | null, bytes: Buffer): Promise<number> {
    return this.#do('write', path, bytes.length, (limit) => this.#written(path, file, at, bytes, limit));
  }

  #written(path: string, file: FileNode, at: number | null, bytes: Buffer, limit: number): number {
    const { image, chance } = this.#options;
    if (file.flag === 'immutable') throw new DiskError('EPERM', `is protected, write '${path}'`);
    if (bytes.length > 0) this.#needRoom(1);
    const count = Math.min(limit, Math.max(1, chance.shortened(bytes.length)), this.#roomBytes(), bytes.length);
    image.write(file, at ?? file.cache.length, Buffer.from(bytes.subarray(0, count)));
    return count;
  }

  /** A sync of a file that fails leaves the cache as it is, and the disk without. */
  async sync(path: string, node: Node): Promise<void> {
    await this.#run({ kind: 'sync', path, bytes: 0 }, () => this.#synced(path, node));
  }

  #synced(path: string, node: Node): void {
    const { image, chance } = this.#options;
    const code = chance.failure({ kind: 'sync', path, bytes: 0 });
    if (code === null) return image.sync(node);
    if (node.kind === 'file') image.failSync(node, (change) => chance.failedSync(change));
    throw new DiskError(code, `sync '${path}'`);
  }

  async close(path: string): Promise<void> {
    await this.#do('close', path, 0, () => undefined);
  }

  #do<T>(kind: OperationKind, path: string, bytes: number, effect: (bytes: number) => T): Promise<T> {
    const operation: Operation = { kind, path, bytes };
    return this.#run(operation, (limit) => {
      this.#fail(operation);
      return effect(limit);
    });
  }

  #fail(operation: Operation): void {
    const code = this.#options.chance.failure(operation);
    if (code !== null) throw new DiskError(code, `${operation.kind} '${operation.path}'`);
  }

  #run<T>(operation: Operation, effect: (bytes: number) => T): Promise<T> {
    const { time, owner, chance, before, after } = this.#options;
    const underWay: UnderWay = { operation, effect };
    this.#underWay.add(underWay);
    return new Promise<T>((resolve, reject) => {
      time.after(chance.latencyMs(operation), () => {
        before(operation);
        if (!owner.isAlive) return;
        this.#underWay.delete(underWay);
        try {
          const result = effect(Infinity);
          after(operation, 'done');
          resolve(result);
        } catch (error) {
          after(operation, (error as DiskError).code);
          reject(error);
        }
      }, owner);
    });
  }
}

/** A short name for what was written, for traces. */
export function fingerprint(bytes: Buffer): string {
  return hash('sha256', bytes).slice(0, 12);
}

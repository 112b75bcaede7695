// SPDX-License-Identifier: Apache-2.0
// What a disk holds, and what the page cache shows of it. A write, a new name, a rename is in the cache at once and on the
// disk only after a sync of that file or directory; a power cut keeps any part of what was not synced. Octets are never
// changed in place, so that copies of an image share them.
import { basename, dirname } from 'node:path';
import { hash } from 'node:crypto';

const NOTHING: Buffer<ArrayBufferLike> = Buffer.alloc(0);

export type Flag = 'append' | 'immutable';

/** What is in the cache alone: of a file, octets or their cutting off; of a directory, a name that came or went. */
export type Unsynced =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Buffer; readonly isLast: boolean }
  | { readonly kind: 'truncate'; readonly to: number }
  | { readonly kind: 'name'; readonly name: string; readonly node: Node | null }
  | { readonly kind: 'flag'; readonly flag: Flag | null };

/** What a power cut makes of it. `bytes` replaces what was written, such as zeros or a part of it; null: nothing was. */
export type Outcome = 'lost' | 'kept' | { readonly bytes: Buffer };

export interface FileNode {
  readonly kind: 'file';
  readonly id: number;
  cache: Buffer;
  disk: Buffer;
  unsynced: Unsynced[];
  flag: Flag | null;
  diskFlag: Flag | null;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly id: number;
  readonly cache: Map<string, Node>;
  disk: Map<string, Node>;
  unsynced: Unsynced[];
}

export type Node = FileNode | DirectoryNode;

export class DiskError extends Error {
  readonly code: string;

  constructor(code: string, what: string) {
    super(`${code}: ${what}`);
    this.code = code;
  }
}

export class DiskImage {
  #root: DirectoryNode;
  #lastId = 1;

  constructor() {
    this.#root = { kind: 'directory', id: 1, cache: new Map(), disk: new Map(), unsynced: [] };
  }

  /** The node that the cache shows, or null. */
  find(path: string): Node | null {
    let node: Node | undefined = this.#root;
    for (const name of namesOf(path)) {
      if (node?.kind !== 'directory') return null;
      node = node.cache.get(name);
    }
    return node ?? null;
  }

  file(path: string): FileNode {
    const node = this.find(path);
    if (node === null) throw new DiskError('ENOENT', `no such file, '${path}'`);
    if (node.kind !== 'file') throw new DiskError('EISDIR', `'${path}' is a directory`);
    return node;
  }

  directory(path: string): DirectoryNode {
    const node = this.find(path);
    if (node === null) throw new DiskError('ENOENT', `no such directory, '${path}'`);
    if (node.kind !== 'directory') throw new DiskError('ENOTDIR', `'${path}' is a file`);
    return node;
  }

  create(path: string): FileNode {
    const node: FileNode = { kind: 'file', id: (this.#lastId += 1), cache: NOTHING, disk: NOTHING, unsynced: [], flag: null, diskFlag: null };
    this.#name(path, node);
    return node;
  }

  makeDirectory(path: string): void {
    this.#name(path, { kind: 'directory', id: (this.#lastId += 1), cache: new Map(), disk: new Map(), unsynced: [] });
  }

  write(file: FileNode, at: number, bytes: Buffer): void {
    if (bytes.length === 0) return;
    file.cache = overlaid(file.cache, at, bytes);
    file.unsynced.push({ kind: 'write', at, bytes, isLast: false });
  }

  truncate(file: FileNode, to = 0): void {
    file.cache = file.cache.subarray(0, to);
    file.unsynced.push({ kind: 'truncate', to });
  }

  setFlag(path: string, flag: Flag | null): void {
    const file = this.file(path);
    file.flag = flag;
    file.unsynced.push({ kind: 'flag', flag });
  }

  remove(path: string): void {
    const node = this.find(path);
    if (node === null) throw new DiskError('ENOENT', `no such file, '${path}'`);
    if (node.kind === 'directory' && node.cache.size > 0) throw new DiskError('ENOTEMPTY', `'${path}' is not empty`);
    if (node.kind === 'file' && node.flag !== null) throw new DiskError('EPERM', `'${path}' is protected`);
    this.#name(path, null);
  }

  /** Two names that a power cut keeps or loses each by itself: nothing says that both go together. */
  rename(from: string, to: string): void {
    const node = this.find(from);
    if (node === null) throw new DiskError('ENOENT', `no such file, '${from}'`);
    const there = this.find(to);
    if ([node, there].some((one) => one?.kind === 'file' && one.flag !== null)) throw new DiskError('EPERM', `'${from}' or '${to}' is protected`);
    this.#name(to, node);
    this.#name(from, null);
  }

  #name(path: string, node: Node | null): void {
    const directory = this.directory(dirname(path));
    const name = basename(path);
    if (node === null) directory.cache.delete(name);
    else directory.cache.set(name, node);
    directory.unsynced.push({ kind: 'name', name, node });
  }

  sync(node: Node): void {
    for (const change of node.unsynced.splice(0)) apply(node, change, 'kept');
  }

  /** The sync failed: some of it is on the disk, the cache goes on showing all of it, and no later sync writes it again. */
  failSync(file: FileNode, choose: (change: Unsynced) => Outcome): void {
    for (const change of marked(file)) apply(file, change, choose(change));
    file.unsynced = [];
  }

  /** The cache forgets what it need not keep: reading shows the disk again. */
  evict(): void {
    for (const node of this.#nodes()) {
      if (node.kind !== 'file') continue;
      let seen: Buffer = Buffer.concat([node.disk, Buffer.alloc(Math.max(0, node.cache.length - node.disk.length))]).subarray(0, node.cache.length);
      for (const change of node.unsynced) if (change.kind === 'write') seen = overlaid(seen, change.at, change.bytes);
      node.cache = seen;
    }
  }

  /** The power goes: of each unsynced change so much is on the disk as `choose` says, in the order of nodes and changes. */
  cut(choose: (change: Unsynced) => Outcome): void {
    for (const node of this.#nodes(true)) {
      for (const change of marked(node)) apply(node, change, choose(change));
      node.unsynced = [];
    }
    for (const node of this.#nodes(true)) {
      if (node.kind === 'file') [node.cache, node.flag] = [node.disk, node.diskFlag];
      else replace(node.cache, node.disk);
    }
  }

  /** Unsynced changes, in the order in which {@link cut} asks. */
  unsynced(): Unsynced[] {
    return this.#nodes(true).flatMap(marked);
  }

  /** Octets of all files that have a name or are held open by `held`. */
  get usedBytes(): number {
    return this.#nodes().reduce((sum, node) => sum + (node.kind === 'file' ? node.cache.length : 0), 0);
  }

  /** Files that the cache shows, by path. */
  files(under = '/'): Map<string, FileNode> {
    const found = new Map<string, FileNode>();
    const visit = (directory: DirectoryNode, path: string): void => {
      for (const [name, node] of [...directory.cache].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (node.kind === 'file') found.set(`${path}${name}`, node);
        else visit(node, `${path}${name}/`);
      }
    };
    const top = this.find(under);
    if (top?.kind === 'directory') visit(top, under.endsWith('/') ? under : `${under}/`);
    return found;
  }

  clone(): DiskImage {
    const copies = new Map<Node, Node>();
    const copy = (node: Node): Node => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      if (node.kind === 'file') {
        const file = { ...node, unsynced: [...node.unsynced] };
        copies.set(node, file);
        return file;
      }
      const directory: DirectoryNode = { kind: 'directory', id: node.id, cache: new Map(), disk: new Map(), unsynced: [] };
      copies.set(node, directory);
      for (const [name, child] of node.cache) directory.cache.set(name, copy(child));
      for (const [name, child] of node.disk) directory.disk.set(name, copy(child));
      directory.unsynced = node.unsynced.map((change) => (change.kind === 'name' ? { ...change, node: change.node === null ? null : copy(change.node) } : change));
      return directory;
    };
    const image = new DiskImage();
    image.#root = copy(this.#root) as DirectoryNode;
    image.#lastId = this.#lastId;
    return image;
  }

  /** Tells images apart by what the cache shows of files. */
  digest(): string {
    const text = [...this.files()].map(([path, { cache, flag }]) => `${path} ${flag} ${hash('sha256', cache)}`);
    return hash('sha256', text.join('\n'));
  }

  /** By id. `lost`: those too whose name is on the disk alone, or only in a change. */
  #nodes(lost = false): Node[] {
    const found = new Map<number, Node>();
    const visit = (node: Node): void => {
      if (found.has(node.id)) return;
      found.set(node.id, node);
      if (node.kind === 'file') return;
      for (const child of node.cache.values()) visit(child);
      if (!lost) return;
      for (const child of node.disk.values()) visit(child);
      for (const change of node.unsynced) if (change.kind === 'name' && change.node !== null) visit(change.node);
    };
    visit(this.#root);
    return [...found.values()].sort((a, b) => a.id - b.id);
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}

/** The last write of a file can be torn by what ended it; those before it were whole. */
function marked(node: Node): Unsynced[] {
  const last = node.unsynced.findLastIndex(({ kind }) => kind === 'write');
  return node.unsynced.map((change, i) => (i === last ? { ...change, isLast: true } as Unsynced : change));
}

function apply(node: Node, change: Unsynced, outcome: Outcome): void {
  if (outcome === 'lost') return;
  if (node.kind === 'directory') {
    if (change.kind !== 'name') return;
    if (change.node === null) node.disk.delete(change.name);
    else node.disk.set(change.name, change.node);
    return;
  }
  if (change.kind === 'truncate') node.disk = node.disk.subarray(0, change.to);
  if (change.kind === 'flag') node.diskFlag = change.flag;
  if (change.kind === 'write') node.disk = overlaid(node.disk, change.at, outcome === 'kept' ? change.bytes : outcome.bytes);
}

/** `base` with `bytes` at `at`; a hole before them reads as zeros. */
function overlaid(base: Buffer, at: number, bytes: Buffer): Buffer {
  const all = Buffer.alloc(Math.max(base.length, at + bytes.length));
  base.copy(all);
  bytes.copy(all, at);
  return all;
}

function replace(map: Map<string, Node>, by: ReadonlyMap<string, Node>): void {
  map.clear();
  for (const [name, node] of by) map.set(name, node);
}

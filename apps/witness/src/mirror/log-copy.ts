// SPDX-License-Identifier: Apache-2.0
// A copy of a log as a C2SP tlog-tiles directory. Its checkpoint says up to where it is the mirror's word; tiles and bundles
// beyond it hold entries that came since, each proven to belong to a checkpoint of the log before it is kept.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { HASH_BYTES, LogTree, TILE_WIDTH, bundlePath, decodeBundle, readAnyCheckpoint, splitNote } from '@strongroom/evidence';
import { writeDurably } from '@strongroom/service';

export class LogCopy {
  readonly #directory: string;
  #tree: LogTree;
  /** Entries of the unfinished bundle. */
  #edge: Buffer[];
  #committed: number;

  /** `taken` is told of every entry that the checkpoint does not cover, in order, now and later. */
  constructor(directory: string, taken: (index: number, entry: Buffer) => void) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    const note = this.checkpoint();
    this.#committed = note === null ? 0 : readAnyCheckpoint(splitNote(note).text).size;
    this.#tree = LogTree.load(this.#committed, (path) => this.#read(path));
    this.#edge = this.#committed % TILE_WIDTH === 0 ? [] : this.#bundle(Math.floor(this.#committed / TILE_WIDTH), this.#committed % TILE_WIDTH);
    for (const entry of this.#beyond()) {
      taken(this.#tree.size, entry);
      this.#append(entry);
    }
    this.#tree.takeFiles();
  }

  /** How many entries are durably here. */
  get next(): number {
    return this.#tree.size;
  }

  get committed(): number {
    return this.#committed;
  }

  get root(): Buffer {
    return this.#tree.root();
  }

  /** The mirror's checkpoint; null before the first. */
  checkpoint(): string | null {
    const path = join(this.#directory, 'checkpoint');
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  }

  /** Entries [from, to), all of one bundle. */
  entries(from: number, to: number): Buffer[] {
    const bundle = Math.floor(from / TILE_WIDTH);
    const all = bundle === Math.floor(this.next / TILE_WIDTH) ? this.#edge : this.#bundle(bundle, TILE_WIDTH);
    return all.slice(from - bundle * TILE_WIDTH, to - bundle * TILE_WIDTH);
  }

  /** Durable when this resolves; a crash before leaves what was there, and files that are written anew. */
  async add(entries: readonly Buffer[]): Promise<void> {
    for (const entry of entries) this.#append(entry);
    for (const { path, bytes } of this.#tree.takeFiles()) await this.#write(path, bytes);
  }

  #append(entry: Buffer): void {
    this.#tree.append(entry);
    this.#edge.push(entry);
    if (this.#edge.length === TILE_WIDTH) this.#edge = [];
  }

  /** The mirror's word for `size` entries, all of them here. Durable; superseded partial files go afterwards. */
  async commit(note: string, size: number): Promise<void> {
    await this.#write('checkpoint', note);
    this.#committed = size;
    this.#removeSuperseded('tile');
  }

  #removeSuperseded(directory: string): void {
    for (const name of readdirSync(join(this.#directory, directory), { withFileTypes: true })) {
      const path = `${directory}/${name.name}`;
      if (name.name.endsWith('.p')) this.#removePartials(path);
      else if (name.isDirectory()) this.#removeSuperseded(path);
    }
  }

  /** Of a finished tile all go; of an unfinished one those that neither the checkpoint nor what came since needs. */
  #removePartials(path: string): void {
    const full = join(this.#directory, path.slice(0, -2));
    const widths = readdirSync(join(this.#directory, path)).map(Number).toSorted((a, b) => a - b);
    if (existsSync(full)) return rmSync(join(this.#directory, path), { recursive: true });
    for (const width of widths.slice(0, -1)) rmSync(join(this.#directory, path, String(width)));
  }

  /** Entries behind the checkpoint that an earlier life has put here. */
  *#beyond(): Generator<Buffer> {
    for (let index = Math.floor(this.#committed / TILE_WIDTH); ; index += 1) {
      const bytes = this.#widest(bundlePath(index, TILE_WIDTH));
      if (bytes === null) return;
      const entries = decodeBundle(bytes.bytes, bytes.width);
      yield* entries.slice(Math.max(0, this.#committed - index * TILE_WIDTH));
      if (bytes.width < TILE_WIDTH) return;
    }
  }

  #bundle(index: number, width: number): Buffer[] {
    return decodeBundle(this.#read(bundlePath(index, width)), width);
  }

  /** A tile or bundle of this width; a narrower one is cut from what is there. Throws `Failed('mirror.damaged')`. */
  #read(path: string): Buffer {
    const [full = '', text] = path.split('.p/');
    const width = text === undefined ? TILE_WIDTH : Number(text);
    const found = this.#widest(full);
    if (found === null || found.width < width) throw new Failed('mirror.damaged', `${join(this.#directory, path)} is missing`, { why: 'the mirror\'s checkpoint covers it', fix: 'move the copy of this log away: it is fetched anew' });
    if (!full.startsWith('tile/entries/')) return found.bytes.subarray(0, width * HASH_BYTES);
    let at = 0;
    for (let i = 0; i < width; i += 1) at += 2 + found.bytes.readUInt16BE(at);
    return found.bytes.subarray(0, at);
  }

  #widest(full: string): { readonly bytes: Buffer; readonly width: number } | null {
    const path = join(this.#directory, full);
    if (existsSync(path)) return { bytes: readFileSync(path), width: TILE_WIDTH };
    const width = existsSync(`${path}.p`) ? Math.max(0, ...readdirSync(`${path}.p`).filter((name) => /^[1-9][0-9]{0,2}$/.test(name)).map(Number)) : 0;
    return width === 0 ? null : { bytes: readFileSync(join(`${path}.p`, String(width))), width };
  }

  async #write(path: string, bytes: Buffer | string): Promise<void> {
    const target = join(this.#directory, path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    await writeDurably(target, bytes, 0o644);
  }
}

// SPDX-License-Identifier: Apache-2.0
// For each full bundle of the log from when to when its batches were received, so that a search for a time reads few
// bundles. Derived from the log, docs/FORMAT.md ("Derived"): kept in a file because a long log takes long to read, built anew
// whenever that does not fit, and asked by searches alone. What proves anything reads the log itself.
import { hash } from 'node:crypto';
import { TILE_WIDTH, rootAt, tilePath } from '@strongroom/evidence';
import type { LogDirectory } from '../commit/log-directory.ts';
import { SYSTEM_DISK, putFile, readWhole } from '../disk.ts';
import { checkedBundle } from './bundle.ts';
import { isUnreadable } from './unread.ts';

const MAGIC = Buffer.from('SRTIME1\n');
const HEADER_BYTES = 8 + 8 + 32;
const SPAN_BYTES = 16;
const DIGEST_BYTES = 32;
/** So many bundles may be found again after a start before they are worth a write. */
const UNSAVED_MAX = 64;
const BUNDLES_AT_ONCE = 64;
const NEVER = 0xffff_ffff_ffff_ffffn;
const ANY_TIME: Span = { from: 0n, to: NEVER - 1n };
/** The beginning of a batch's entry, docs/FORMAT.md section 4. */
const TIMES = /^strongroom batch v1\nrecords \d+\nbytes \d+\nfrom (\d+)\nto (\d+)\n/;

export interface Span {
  readonly from: bigint;
  readonly to: bigint;
}

/** From when to when a batch was received, by its entry; null for other entries. */
export function spanOf(entry: Buffer): Span | null {
  const times = TIMES.exec(entry.toString('latin1', 0, 160));
  return times === null ? null : { from: BigInt(times[1]!), to: BigInt(times[2]!) };
}

export class TimeIndex {
  readonly #file: string;
  readonly #log: LogDirectory;
  /** 16 octets for each bundle. */
  #spans: Buffer;
  #bundles: number;
  #saved: number;

  /** What the file holds, if it is of this log as it stands at `size`. */
  constructor(file: string, log: LogDirectory, size: number) {
    this.#file = file;
    this.#log = log;
    this.#spans = load(file, log, size) ?? Buffer.alloc(0);
    this.#bundles = this.#spans.length / SPAN_BYTES;
    this.#saved = this.#bundles;
  }

  /** Reads the full bundles up to `size` that it does not know yet; others have their turn between them. */
  async extend(size: number, turn: () => Promise<unknown>): Promise<void> {
    const full = Math.floor(size / TILE_WIDTH);
    while (this.#bundles < full) {
      for (const end = Math.min(full, this.#bundles + BUNDLES_AT_ONCE); this.#bundles < end; this.#bundles += 1) this.#append(this.#read(this.#bundles));
      await turn();
    }
    if (this.#bundles - this.#saved >= UNSAVED_MAX) await this.#save(size);
  }

  #read(bundle: number): Span {
    let [from, to] = [NEVER, 0n];
    for (const entry of this.#entries(bundle)) {
      // Of what cannot be read nothing is known: a search for any time looks there, and tells of it.
      if (entry === null) return ANY_TIME;
      const span = spanOf(entry);
      if (span !== null && span.from < from) from = span.from;
      if (span !== null && span.to > to) to = span.to;
    }
    return { from, to };
  }

  #entries(bundle: number): readonly (Buffer | null)[] {
    try {
      return checkedBundle(this.#log, bundle, (bundle + 1) * TILE_WIDTH);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return [null];
    }
  }

  #append({ from, to }: Span): void {
    const at = this.#bundles * SPAN_BYTES;
    if (at === this.#spans.length) this.#spans = Buffer.concat([this.#spans, Buffer.alloc(Math.max(4096, at))]);
    this.#spans.writeBigUInt64BE(from, at);
    this.#spans.writeBigUInt64BE(to, at + 8);
  }

  /** Null for a bundle that holds no batch; undefined for one that it does not know. */
  span(bundle: number): Span | null | undefined {
    if (bundle >= this.#bundles) return undefined;
    const at = bundle * SPAN_BYTES;
    const [from, to] = [this.#spans.readBigUInt64BE(at), this.#spans.readBigUInt64BE(at + 8)];
    return from > to ? null : { from, to };
  }

  /** A crash leaves the old file or the new one. It is help: that it could not be written is no failure, the next start reads the log again. */
  async #save(size: number): Promise<void> {
    const root = rootAfter(this.#bundles, this.#log, size);
    if (root === null) return;
    const header = Buffer.concat([MAGIC, Buffer.alloc(8), root]);
    header.writeBigUInt64BE(BigInt(this.#bundles), 8);
    const body = Buffer.concat([header, this.#spans.subarray(0, this.#bundles * SPAN_BYTES)]);
    this.#saved = this.#bundles;
    await putFile(SYSTEM_DISK, this.#file, Buffer.concat([body, hash('sha256', body, 'buffer')])).catch(() => undefined);
  }
}

/** The spans of the file; null when there is none, or it is damaged, or of another log than this one. */
function load(file: string, log: LogDirectory, size: number): Buffer | null {
  const bytes = readWhole(SYSTEM_DISK, file);
  if (bytes === null || bytes.length < HEADER_BYTES + DIGEST_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return null;
  const body = bytes.subarray(0, -DIGEST_BYTES);
  const bundles = Number(body.readBigUInt64BE(8));
  if (body.length !== HEADER_BYTES + bundles * SPAN_BYTES || bundles * TILE_WIDTH > size) return null;
  if (!hash('sha256', body, 'buffer').equals(bytes.subarray(-DIGEST_BYTES))) return null;
  return rootAfter(bundles, log, size)?.equals(body.subarray(16, HEADER_BYTES)) === true ? body.subarray(HEADER_BYTES) : null;
}

/** The log's root after so many full bundles: what they hold is fixed by it. Null where the tiles do not tell it. */
function rootAfter(bundles: number, log: LogDirectory, size: number): Buffer | null {
  try {
    return rootAt(bundles * TILE_WIDTH, size, ({ level, index, width }) => log.read(tilePath(level, index, width)));
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return null;
  }
}

// SPDX-License-Identifier: Apache-2.0
// The files of segments/ as logical bytes, docs/FORMAT.md section 3: parts in order, each replacing what the one before
// holds from its offset on.
import { parsePartName } from '../segment.ts';
import type { GuardedReader } from './store-reader.ts';
import type { Findings } from './verdict.ts';

export interface Part {
  readonly path: string;
  readonly offset: number;
}

export class SegmentFiles {
  readonly #reader: GuardedReader;
  readonly #parts = new Map<string, Part[]>();

  /** Lists once: what a live vault adds later is beyond the checkpoint. Foreign names are facts. */
  constructor(reader: GuardedReader, findings: Findings) {
    this.#reader = reader;
    for (const name of reader.list('segments')) {
      const part = parsePartName(name);
      if (part === null) findings.note('store.unknown-file', `segments/${name}`, 'is no segment');
      else this.#add(part.segment, { path: `segments/${name}`, offset: part.offset });
    }
    for (const parts of this.#parts.values()) parts.sort(inOrder);
  }

  #add(segment: string, part: Part): void {
    const parts = this.#parts.get(segment);
    if (parts === undefined) this.#parts.set(segment, [part]);
    else parts.push(part);
  }

  segments(): IterableIterator<string> {
    return this.#parts.keys();
  }

  parts(segment: string): readonly Part[] {
    return this.#parts.get(segment) ?? [];
  }

  /** Whether the bytes from 0 on are there; parts alone are none without their beginning. */
  has(segment: string): boolean {
    return this.parts(segment)[0]?.offset === 0;
  }

  /** Octets of the logical bytes, torn leftovers at their end included. */
  length(segment: string): number {
    const last = this.parts(segment).at(-1);
    return last === undefined ? 0 : last.offset + (this.#reader.sizeOf(last.path) ?? 0);
  }

  /** Exactly `length` logical octets, or null where they are not there. */
  read(segment: string, offset: number, length: number): Buffer | null {
    const parts = this.parts(segment);
    const pieces: Buffer[] = [];
    let at = offset;
    for (const [i, part] of parts.entries()) {
      const end = Math.min(offset + length, parts[i + 1]?.offset ?? Infinity);
      if (at < part.offset || at >= end) continue;
      const piece = this.#reader.readAt(part.path, at - part.offset, end - at);
      if (piece === null) return null;
      pieces.push(piece);
      at = end;
    }
    if (at !== offset + length) return null;
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }
}

/** `<id>.seg` before `<id>.0.seg`, which replaces it. */
function inOrder(a: Part, b: Part): number {
  return a.offset - b.offset || a.path.length - b.path.length;
}

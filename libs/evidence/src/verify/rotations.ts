// SPDX-License-Identifier: Apache-2.0
// The log's keys over time: what lies in rotations/ leads from the key that the caller trusts to the others, and is what
// the log itself says.
import type { RotateEntry } from '../entry.ts';
import type { NoteKey } from '../note.ts';
import { linkRotations, readRotation, type LinkedKeys, type Rotation } from '../rotation.ts';
import type { GuardedReader } from './store-reader.ts';
import { reason, type Findings } from './verdict.ts';

export const ROTATIONS = 'rotations';
const NAME = /^(0|[1-9][0-9]{0,15})\.tlog-proof$/;
const OCTETS_MAX = 256 * 1024;
/** Beyond it rotations are not looked at: nobody changes a key so often. */
const ROTATIONS_MAX = 4096;

export function rotationName(size: number): string {
  return `${size}.tlog-proof`;
}

export class Rotations {
  readonly keys: LinkedKeys;
  readonly #findings: Findings;
  readonly #found = new Map<number, Rotation>();
  readonly #entries = new Map<number, RotateEntry>();

  /** Reads all there are, and what else the caller knows. A file that does not hold by itself is a failure. */
  constructor(reader: GuardedReader, trusted: NoteKey, known: readonly Rotation[], findings: Findings) {
    this.#findings = findings;
    for (const name of reader.list(ROTATIONS).slice(0, ROTATIONS_MAX)) this.#read(name, reader);
    const missing = known.filter(({ checkpoint }) => !this.#found.has(checkpoint.size));
    this.keys = linkRotations(trusted, [...this.#found.values(), ...missing]);
  }

  /** Sizes at which keys changed: `end` wants the roots there. */
  get sizes(): number[] {
    return [...this.#found.keys()];
  }

  #read(name: string, reader: GuardedReader): void {
    const path = `${ROTATIONS}/${name}`;
    const size = Number(NAME.exec(name)?.[1] ?? NaN);
    if (Number.isNaN(size)) return this.#findings.note('store.unknown-file', path, 'is no rotation of the log\'s key');
    const text = reader.readFile(path, OCTETS_MAX)?.toString('utf8');
    if (text === undefined) return;
    try {
      const rotation = readRotation(text);
      if (rotation.checkpoint.size !== size) this.#fail(size, `it is of ${rotation.checkpoint.size} entries`);
      else this.#found.set(size, rotation);
    } catch (error) {
      this.#fail(size, reason(error));
    }
  }

  /** A rotate entry of the log, in order. */
  entry(entry: RotateEntry, index: number): void {
    this.#entries.set(index + 1, entry);
  }

  /** Holds what the log says against what lies in rotations/. `rootAt`: the log's root at a size, where it is known. */
  end(size: number, rootAt: (size: number) => Buffer | undefined): void {
    const linked = new Set(this.keys.rotations.map(({ checkpoint }) => checkpoint.size));
    for (const at of this.#entries.keys()) {
      if (!this.#found.has(at)) this.#fail(at, 'is missing: the log changed its key there, and nobody who holds an older one can follow');
      else if (!linked.has(at)) this.#fail(at, 'it does not follow from the key that is trusted');
    }
    for (const [at, { checkpoint }] of this.#found) {
      const root = at <= size ? rootAt(at) : undefined;
      if (root !== undefined && !root.equals(checkpoint.root)) this.#fail(at, `another log of ${at} entries led to its key`);
    }
  }

  #fail(size: number, detail: string): void {
    this.#findings.fail('log.rotation', `${ROTATIONS}/${rotationName(size)}`, detail);
  }
}

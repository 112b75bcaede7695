// SPDX-License-Identifier: Apache-2.0
// The single changes that tampering is made of.
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { FailureCode, NoteKey } from '@strongroom/evidence';

export type Files = Map<string, Buffer>;

/** A store with its public key: built in memory or copied from a vault. */
export interface Subject {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly key: NoteKey;
  /** Signs false checkpoints with the log's own key, where the test has it. */
  readonly signCheckpoint?: (size: number, root: Buffer) => string;
}

export interface Tampering {
  readonly name: string;
  /** Verification must name it so, whatever follows from it besides. */
  readonly code: FailureCode;
  readonly apply: (files: Files) => void;
}

/** Every file below a directory, by its path with `/`. */
export function readFiles(directory: string): Files {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(entries.map((entry) => join(entry.parentPath, entry.name)).map((path) => [relative(directory, path), readFileSync(path)]));
}

/** The files with a tampering done to a copy. */
export function tampered(files: ReadonlyMap<string, Buffer>, { apply }: Pick<Tampering, 'apply'>): Files {
  const copy = new Map(files);
  apply(copy);
  return copy;
}

/** Changes one bit; `at` below zero counts from the end. */
export function flip(path: string, at: number, bit = 0): Tampering['apply'] {
  return (files) => {
    const bytes = Buffer.from(files.get(path)!);
    bytes[at < 0 ? bytes.length + at : at]! ^= 1 << bit;
    files.set(path, bytes);
  };
}

export function remove(path: string): Tampering['apply'] {
  return (files) => void files.delete(path);
}

export function truncate(path: string, length: number): Tampering['apply'] {
  return (files) => void files.set(path, files.get(path)!.subarray(0, length));
}

export function swap(a: string, b: string): Tampering['apply'] {
  return (files) => {
    const [first, second] = [files.get(a)!, files.get(b)!];
    files.set(a, second).set(b, first);
  };
}

export function put(path: string, bytes: Buffer | string): Tampering['apply'] {
  return (files) => void files.set(path, Buffer.from(bytes));
}

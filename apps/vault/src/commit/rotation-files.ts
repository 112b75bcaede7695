// SPDX-License-Identifier: Apache-2.0
// store/rotations: what proves each change of the log's key, one file each, never deleted.
import { join } from 'node:path';
import { linkRotations, readRotation, rotationName, type LinkedKeys, type NoteKey } from '@strongroom/evidence';
import { listDirectory, putFile, readWhole, type Disk } from '../disk.ts';

/** A change of the log's key that is committed: the log's size then, and its proof. */
export interface KeptRotation {
  readonly size: number;
  readonly text: string;
}

export class RotationFiles {
  readonly #disk: Disk;
  readonly #directory: string;

  constructor(disk: Disk, directory: string) {
    [this.#disk, this.#directory] = [disk, directory];
  }

  /** The log's keys, from its first one, as far as what lies here leads. Throws what `readRotation` throws. */
  keys(first: NoteKey): LinkedKeys {
    const names = listDirectory(this.#disk, this.#directory).filter((name) => name.endsWith('.tlog-proof'));
    return linkRotations(first, names.map((name) => readRotation(readWhole(this.#disk, join(this.#directory, name))!.toString())));
  }

  /** Durable before a checkpoint that only the new key signed is published: whoever holds the old key must be able to follow. */
  async keep({ size, text }: KeptRotation): Promise<void> {
    await putFile(this.#disk, join(this.#directory, rotationName(size)), text);
  }

  /** Those that a log of so many entries has, oldest first. */
  textsUpTo(size: number): string[] {
    const sizes = listDirectory(this.#disk, this.#directory).filter((name) => name.endsWith('.tlog-proof')).map((name) => Number.parseInt(name, 10));
    return sizes.filter((at) => at <= size).sort((a, b) => a - b).map((at) => readWhole(this.#disk, join(this.#directory, rotationName(at)))!.toString());
  }

  /** Texts in the order of the log. */
  texts(keys: LinkedKeys): string[] {
    return keys.rotations.map(({ checkpoint }) => readWhole(this.#disk, join(this.#directory, rotationName(checkpoint.size)))!.toString());
  }
}

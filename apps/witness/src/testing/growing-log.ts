// SPDX-License-Identifier: Apache-2.0
// A log that grows, with its key, as a vault would offer it: for tests of witnesses and of those who ask them.
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { LogTree, checkpointText, consistencyPath, parseVkey, signedNote, tilePath, vkeyLine, type NoteKey } from '@strongroom/evidence';
import type { Published } from '../carry/vault-line.ts';

export class GrowingLog {
  readonly origin: string;
  readonly vkey: string;
  readonly key: NoteKey;
  readonly #secret: KeyObject;
  readonly #tree = new LogTree();
  readonly #files = new Map<string, Buffer>();

  /** `twin`: another history under the same key. */
  constructor(origin: string, twin?: GrowingLog) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.origin = origin;
    this.#secret = twin === undefined ? privateKey : twin.#secret;
    this.vkey = twin?.vkey ?? vkeyLine(origin, publicKey.export({ type: 'spki', format: 'der' }));
    this.key = parseVkey(this.vkey);
  }

  get size(): number {
    return this.#tree.size;
  }

  grow(count: number, what = 'entry'): Published {
    for (let i = 0; i < count; i += 1) this.#tree.append(Buffer.from(`${what} ${this.#tree.size}`));
    for (const { path, bytes } of this.#tree.takeFiles()) this.#files.set(path, bytes);
    return this.published;
  }

  get published(): Published {
    return { note: this.sign(checkpointText({ origin: this.origin, size: this.size, root: this.#tree.root() })), size: this.size };
  }

  sign(text: string): string {
    return signedNote(text, this.key, sign(null, Buffer.from(text), this.#secret));
  }

  consistency(from: number, to: number): Buffer[] {
    return consistencyPath(from, to, ({ level, index, width }) => {
      const full = this.#files.get(tilePath(level, index, 256));
      if (full !== undefined) return full.subarray(0, width * 32);
      const partials = [...this.#files].filter(([path]) => path.startsWith(`${tilePath(level, index, 256)}.p/`));
      return partials.map(([, bytes]) => bytes).find((bytes) => bytes.length >= width * 32)!.subarray(0, width * 32);
    });
  }
}

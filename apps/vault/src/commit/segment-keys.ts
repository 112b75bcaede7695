// SPDX-License-Identifier: Apache-2.0
// secrets/vault: the wrapped data keys, `<segment>.key` under its bucket's key and `<segment>.hold-<hold>.key` under that of
// a legal hold. Whoever keeps either can have the data key unwrapped as long as that wrapping key lives.
import { join } from 'node:path';
import { decodeWrappedKey, encodeWrappedKey, wrappingContext, type WrappedKey } from '@strongroom/evidence';
import type { KeyService } from '@strongroom/keys';
import { listDirectory, putFile, readWhole, removeDurably, type Disk } from '../disk.ts';

const NAME = /^([0-9a-f]{16})\.(?:hold-([0-9a-f]{32})\.)?key$/;
/** Files that are read in one go, in less than a cycle's time. */
const SLICE = 64;

export type RewrapKeys = Pick<KeyService, 'ensureWrappingKey' | 'rewrap'>;

export interface WrapsOf {
  /** Whether the bucket's key wraps it. */
  bucket: boolean;
  /** Holds that wrap it. */
  readonly holds: string[];
}

export class SegmentKeys {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #origin: string;

  constructor(disk: Disk, directory: string, origin: string) {
    [this.#disk, this.#directory, this.#origin] = [disk, directory, origin];
  }

  /** By segment. */
  list(): Map<string, WrapsOf> {
    const found = new Map<string, WrapsOf>();
    for (const name of listDirectory(this.#disk, this.#directory)) {
      const [, segment, hold] = NAME.exec(name) ?? [];
      if (segment === undefined) continue;
      const wraps = found.get(segment) ?? { bucket: false, holds: [] };
      found.set(segment, wraps);
      if (hold === undefined) wraps.bucket = true;
      else wraps.holds.push(hold);
    }
    return found;
  }

  /** By segment, the wrapping key of its bucket; `turn` lets others go on between slices of the reading. */
  async keyIds(turn: () => Promise<void>): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    let read = 0;
    for (const [segment, { bucket }] of this.list()) {
      const keyId = bucket ? this.read(segment)?.keyId : undefined;
      if (keyId !== undefined) found.set(segment, keyId);
      if ((read += 1) % SLICE === 0) await turn();
    }
    return found;
  }

  /** Null where there is none. Throws `Refused`: `wrapped-key.version`, `bytes.*`. */
  read(segment: string, hold?: string): WrappedKey | null {
    const bytes = readWhole(this.#disk, this.#path(segment, hold));
    return bytes === null ? null : decodeWrappedKey(bytes);
  }

  /** The first wrap that there is: the bucket's, else a hold's. */
  any(segment: string): WrappedKey | null {
    return this.read(segment) ?? this.read(segment, this.list().get(segment)?.holds[0] ?? '0');
  }

  context(segment: string, keyId: string): Buffer {
    return wrappingContext(this.#origin, segment, keyId);
  }

  /** Wraps the data key that `from` wraps under `keyId` as well; durable when this resolves. */
  async rewrap(keys: RewrapKeys, segment: string, from: WrappedKey, keyId: string, hold?: string): Promise<void> {
    const wrapped = await keys.rewrap(from.keyId, from, this.context(segment, from.keyId), keyId, this.context(segment, keyId));
    await putFile(this.#disk, this.#path(segment, hold), encodeWrappedKey({ keyId, ...wrapped }));
  }

  /** Gone for good when this resolves; no wrap is no error. */
  async remove(segment: string, hold?: string): Promise<void> {
    await removeDurably(this.#disk, this.#path(segment, hold));
  }

  #path(segment: string, hold: string | undefined): string {
    return join(this.#directory, hold === undefined ? `${segment}.key` : `${segment}.hold-${hold}.key`);
  }
}

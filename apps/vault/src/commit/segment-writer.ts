// SPDX-License-Identifier: Apache-2.0
// The open segment: frames are sealed in order, appended, and synced with the cycle that they belong to.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  NONCE_BYTES, encodeSegmentHeader, encodeWrappedKey, keyCommitment, partName, sealFrame, segmentHeaderDigest, segmentName, wrappingContext, xaesKey,
  type CloseEntry, type PackedFrame, type XaesKey,
} from '@strongroom/evidence';
import { AppendFile, putFile } from '../disk.ts';
import type { SealingKeys } from './keys.ts';
import type { World } from '../world.ts';

export interface SegmentPlace {
  readonly directory: string;
  readonly dataKeys: string;
  readonly origin: string;
  readonly retentionClass: string;
  readonly bucket: string;
  readonly createdAt: bigint;
}

export interface SealedFrame {
  /** In parts that belong one after the other. */
  readonly frame: readonly Buffer[];
  readonly length: number;
  readonly index: number;
  readonly offset: number;
  readonly digest: Buffer;
}

type SegmentWorld = Pick<World, 'disk' | 'random'>;

export class SegmentWriter {
  readonly id: number;
  readonly name: string;
  readonly place: SegmentPlace;
  readonly keyId: string;
  readonly headerDigest: Buffer;
  readonly dataKey: Buffer;
  readonly #random: SegmentWorld['random'];
  readonly #key: XaesKey;
  readonly #file: AppendFile;
  readonly #logical = createHash('sha256');
  #frames = 0;
  #length: number;

  private constructor(random: SegmentWorld['random'], id: number, place: SegmentPlace, keyId: string, dataKey: Buffer, header: Buffer, file: AppendFile) {
    this.#random = random;
    this.id = id;
    this.name = segmentName(id);
    this.place = place;
    this.keyId = keyId;
    this.dataKey = dataKey;
    this.headerDigest = segmentHeaderDigest(header);
    this.#key = xaesKey(dataKey);
    this.#file = file;
    this.#logical.update(header);
    this.#length = header.length;
  }

  /**
   * Order, and what a crash leaves: 1. the wrapped data key, durable (a key without a segment); 2. the segment's file
   * with its header, durable (a segment without frames, which no entry names).
   */
  static async open(world: SegmentWorld, id: number, place: SegmentPlace, keys: SealingKeys, retired: readonly string[] = []): Promise<SegmentWriter> {
    const name = segmentName(id);
    const keyId = await keys.ensureWrappingKey(place.retentionClass, place.bucket, retired);
    const dataKey = world.random(32);
    const wrapped = await keys.wrap(keyId, dataKey, wrappingContext(place.origin, name, keyId));
    await putFile(world.disk, join(place.dataKeys, `${name}.key`), encodeWrappedKey({ keyId, ...wrapped }));
    const header = encodeSegmentHeader({ ...place, id: name, keyId, commitment: keyCommitment(dataKey, name) });
    const file = await AppendFile.create(world.disk, join(place.directory, partName(name, 0)), header);
    return new SegmentWriter(world.random, id, place, keyId, dataKey, header, file);
  }

  get path(): string {
    return this.#file.path;
  }

  /** Sealed so far, appended or not. */
  get length(): number {
    return this.#length;
  }

  get frames(): number {
    return this.#frames;
  }

  /** Seals the next frame. It must be appended, in this order, or the writer be given up. */
  seal(plain: Buffer | PackedFrame, final = false): SealedFrame {
    const frame = sealFrame(this.#key, this.headerDigest, this.#frames, plain, final, this.#random(NONCE_BYTES));
    const digest = createHash('sha256');
    for (const part of frame) {
      digest.update(part);
      this.#logical.update(part);
    }
    const length = frame.reduce((sum, part) => sum + part.length, 0);
    const sealed = { frame, length, index: this.#frames, offset: this.#length, digest: digest.digest() };
    this.#frames += 1;
    this.#length += length;
    return sealed;
  }

  /** Appends frames and makes them durable. */
  async write(parts: readonly Buffer[]): Promise<void> {
    await this.#file.append(...parts);
    await this.#file.sync();
  }

  /** What the log says once the final frame is sealed. */
  closeEntry(): CloseEntry {
    return { kind: 'close', segment: this.name, frames: this.#frames, length: this.#length, digest: this.#logical.digest(), state: 'whole' };
  }

  /** The data key is not needed any more to write, and is wiped from here. */
  async release(): Promise<void> {
    this.dataKey.fill(0);
    this.#key.subkey.fill(0);
    await this.#file.close();
  }
}

// SPDX-License-Identifier: Apache-2.0
// What keeps segments as they are, beside the log: append-only and immutable flags, and digests kept outside the store.
import { join } from 'node:path';
import type { CloseEntry } from '@strongroom/evidence';
import type { ProtectFlag, WormFacts } from '@strongroom/service';
import { appendLine, putFile, readWhole, type Disk } from '../disk.ts';
import { partsOf } from './segment-parts.ts';
import type { SegmentWriter } from './segment-writer.ts';

export class Worm {
  readonly #disk: Disk;
  readonly #segments: string;
  readonly #checksums: string;
  readonly #protect: (path: string, flag: ProtectFlag) => Promise<boolean>;
  #work: Promise<unknown> = Promise.resolve();
  #noting: Promise<void> = Promise.resolve();
  #facts: WormFacts = { append: false, immutable: false, reason: 'no segment was opened yet' };

  constructor(disk: Disk, segments: string, state: string, protect: (path: string, flag: ProtectFlag) => Promise<boolean>) {
    this.#disk = disk;
    this.#segments = segments;
    this.#checksums = join(state, 'checksums');
    this.#protect = protect;
  }

  /** Remembers work under way, for {@link settled}. */
  follow(work: Promise<void>): void {
    this.#work = Promise.all([this.#work, work]);
  }

  /** Resolves when flags and digests are in place. */
  async settled(): Promise<void> {
    await this.#work;
  }

  get facts(): WormFacts {
    return this.#facts;
  }

  async opened(segment: SegmentWriter): Promise<void> {
    const append = await this.#protect(segment.path, 'append');
    this.#facts = { append, immutable: append, reason: append ? null : 'the flags cannot be set here: not root, or a file system without them' };
  }

  /**
   * A line `sha256  segment  length` for the logical bytes, then the flag on every part. At a start it is told again of
   * what was closed lately, because a crash comes between the commit and this.
   */
  async closed(entry: CloseEntry): Promise<void> {
    const noted = this.#noting.then(() => this.#note(`${entry.digest.toString('hex')}  ${entry.segment}  ${entry.length}\n`));
    this.#noting = noted.catch(() => undefined);
    await noted;
    for (const part of partsOf(this.#disk, this.#segments, entry.segment)) await this.#protect(part.path, 'immutable');
  }

  /** Once each, and never behind half a line, which would make the whole file unreadable. */
  async #note(line: string): Promise<void> {
    const text = readWhole(this.#disk, this.#checksums)?.toString() ?? '';
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole !== text) await putFile(this.#disk, this.#checksums, whole);
    if (!whole.includes(line)) await appendLine(this.#disk, this.#checksums, line);
  }
}

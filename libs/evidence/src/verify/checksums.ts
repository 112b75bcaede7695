// SPDX-License-Identifier: Apache-2.0
// The checksum database: digests of closed segments that are kept outside the store, one line each:
//   hexadecimal SHA-256 of the logical bytes, two spaces, segment id, two spaces, length
import { createHash } from 'node:crypto';
import { Refused } from '@strongroom/bytes';
import type { CloseEntry } from '../entry.ts';
import type { SegmentFiles } from './segment-files.ts';
import { MISSING } from './segment-header.ts';
import type { Findings } from './verdict.ts';

const PIECE_BYTES = 1024 * 1024;
const LINE = /^([0-9a-f]{64}) {2}([0-9a-f]{16}) {2}(0|[1-9][0-9]{0,15})$/;

export interface Checksum {
  readonly digest: Buffer;
  readonly length: number;
}

/** By segment id; of several lines for one segment the last counts. Throws `Refused('checksums.malformed')`. */
export function parseChecksums(text: string): Map<string, Checksum> {
  const checksums = new Map<string, Checksum>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const match = LINE.exec(line);
    if (match === null) throw new Refused('checksums.malformed', `line ${i + 1} of the checksum database cannot be read`, { why: 'expected SHA-256, segment and length', fix: 'restore the file, or verify without it' });
    checksums.set(match[2]!, { digest: Buffer.from(match[1]!, 'hex'), length: Number(match[3]) });
  }
  return checksums;
}

export class Checksums {
  readonly #expected: ReadonlyMap<string, Checksum>;
  readonly #files: SegmentFiles;
  readonly #findings: Findings;
  readonly #judged = new Set<string>();

  constructor(expected: ReadonlyMap<string, Checksum>, files: SegmentFiles, findings: Findings) {
    this.#expected = expected;
    this.#files = files;
    this.#findings = findings;
  }

  /** A segment that the log closed; `digest` is what its bytes have, null when they could not all be read. */
  closed({ segment, length }: CloseEntry, digest: Buffer | null): void {
    const expected = this.#expected.get(segment);
    if (expected === undefined || digest === null || expected.length !== length) return;
    this.#judge(segment, digest, expected);
  }

  /** Reads the segments that were not met on the way, but for those that are `gone`. `asOf`: an older copy need not have them. */
  end(asOf: boolean, gone: (segment: string) => boolean): void {
    for (const [segment, expected] of this.#expected) {
      // An older copy holds of a segment what it was then: its log closes the segments that can be held against this.
      if (this.#judged.has(segment) || gone(segment) || (asOf && this.#files.length(segment) < expected.length)) continue;
      if (this.#files.has(segment)) this.#judge(segment, this.#digest(segment, expected.length), expected);
      else this.#findings.fail('segment.missing', `segments/${segment}.seg`, MISSING);
    }
  }

  #judge(segment: string, digest: Buffer | null, expected: Checksum): void {
    this.#judged.add(segment);
    if (digest?.equals(expected.digest) === true) return;
    this.#findings.fail('segment.checksum', `segments/${segment}.seg`, `its first ${expected.length} octets do not have the SHA-256 that is kept outside the store`);
  }

  #digest(segment: string, length: number): Buffer | null {
    const digest = createHash('sha256');
    for (let at = 0; at < length; at += PIECE_BYTES) {
      const piece = this.#files.read(segment, at, Math.min(PIECE_BYTES, length - at));
      if (piece === null) return null;
      digest.update(piece);
    }
    return digest.digest();
  }
}

// SPDX-License-Identifier: Apache-2.0
// Where a segment's octets lie. Files of recovery come into being at a start alone, before anybody reads: the directory is
// looked through once, and only what is not the rule is remembered.
import { opendirSync } from 'node:fs';
import { join } from 'node:path';
import { parsePartName, partName } from '@strongroom/evidence';

export interface PartFile {
  readonly path: string;
  readonly offset: number;
}

export class SegmentParts {
  readonly #directory: string;
  readonly #recovered = new Map<string, PartFile[]>();

  constructor(directory: string) {
    this.#directory = directory;
    for (const name of namesIn(directory)) {
      const part = parsePartName(name);
      if (part === null || name === partName(part.segment, 0)) continue;
      const parts = [...(this.#recovered.get(part.segment) ?? []), { path: join(directory, name), offset: part.offset }];
      this.#recovered.set(part.segment, parts.sort((a, b) => a.offset - b.offset));
    }
  }

  /** The file that counts for the octet at `offset` of the segment's logical octets. */
  at(segment: string, offset: number): PartFile {
    const recovered = this.#recovered.get(segment)?.findLast((part) => part.offset <= offset);
    return recovered ?? { path: join(this.#directory, partName(segment, 0)), offset: 0 };
  }
}

/** Name by name: of a large store they are many. */
function* namesIn(directory: string): Generator<string> {
  const open = opendirSync(directory, { bufferSize: 1024 });
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) yield entry.name;
  } finally {
    open.closeSync();
  }
}

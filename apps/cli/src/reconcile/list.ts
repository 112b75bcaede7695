// SPDX-License-Identifier: Apache-2.0
// A producer's list: a file of lines, read as often as needed and never held. What comes on stdin is put into a file first.
import { closeSync, createWriteStream, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Refused } from '@strongroom/bytes';

const PIECE_BYTES = 1024 * 1024;
/** Longer than the longest record that is kept whole. */
const LINE_BYTES_MAX = 2 * 1024 * 1024;
/** Lines by which it is told what a list holds. */
const SAMPLE_LINES = 100;
const ID = /^(?:strongroom [^ ]+ )?((?:0|[1-9][0-9]{0,14})-(?:0|[1-9][0-9]{0,14}))(?: [0-9]+)?$/;
const HASH = /^\\?([0-9a-f]{64})(?: [ *].*)?$/i;

export const LIST_KINDS = ['ids', 'hashes', 'lines'] as const;
export type ListKind = (typeof LIST_KINDS)[number];

/** A line without its end, numbered from 1; lines with nothing in them are passed over. */
export interface Line {
  readonly number: number;
  readonly bytes: Buffer;
}

export class ListFile {
  readonly path: string;
  readonly #directory: string | undefined;

  private constructor(path: string, directory?: string) {
    [this.path, this.#directory] = [path, directory];
  }

  /** `-` is stdin. */
  static async open(name: string, input: NodeJS.ReadableStream = process.stdin): Promise<ListFile> {
    if (name !== '-') return new ListFile(name);
    const directory = mkdtempSync(join(tmpdir(), 'strongroom-reconcile-'));
    const list = new ListFile(join(directory, 'list'), directory);
    await pipeline(input, createWriteStream(list.path, { mode: 0o600 }));
    return list;
  }

  /** Takes away what was made for stdin. */
  close(): void {
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  get bytes(): number {
    const fd = openSync(this.path, 'r');
    try {
      return fstatSync(fd).size;
    } finally {
      closeSync(fd);
    }
  }

  /** Throws `Refused('reconcile.line-too-long')`, and what the system says. Bytes are valid until the next line. */
  *lines(): Generator<Line> {
    const fd = openSync(this.path, 'r');
    try {
      let [number, rest] = [0, Buffer.alloc(0)];
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      for (let count = readSync(fd, piece); count > 0; count = readSync(fd, piece)) {
        const held = rest.length === 0 ? piece.subarray(0, count) : Buffer.concat([rest, piece.subarray(0, count)]);
        let at = 0;
        for (let end = held.indexOf(10); end !== -1; end = held.indexOf(10, at)) {
          number += 1;
          const bytes = withoutReturn(held.subarray(at, end));
          if (bytes.length > 0) yield { number, bytes };
          at = end + 1;
        }
        rest = Buffer.from(held.subarray(at));
        if (rest.length > LINE_BYTES_MAX) throw tooLong(number + 1);
      }
      const last = withoutReturn(rest);
      if (last.length > 0) yield { number: number + 1, bytes: last };
    } finally {
      closeSync(fd);
    }
  }

  /** What its first lines look like. */
  guess(): ListKind {
    let [ids, hashes, looked] = [0, 0, 0];
    for (const { bytes } of this.lines()) {
      const text = bytes.toString('latin1');
      if (ID.test(text)) ids += 1;
      if (HASH.test(text)) hashes += 1;
      if ((looked += 1) === SAMPLE_LINES) break;
    }
    if (looked > 0 && ids === looked) return 'ids';
    return looked > 0 && hashes === looked ? 'hashes' : 'lines';
  }
}

/** The entry and record that a line names, also one of a receipt. Throws `Refused('reconcile.line')`. */
export function idOf({ number, bytes }: Line): { entry: number; record: number } {
  const match = ID.exec(bytes.toString('latin1'));
  if (match === null) throw notA(number, 'id', 'an id is <entry>-<record>, such as 42-7');
  const [entry, record] = match[1]!.split('-').map(Number);
  return { entry: entry!, record: record! };
}

/** The SHA-256 that a line begins with, as `sha256sum` prints it or alone. Throws `Refused('reconcile.line')`. */
export function hashOf({ number, bytes }: Line): Buffer {
  const match = HASH.exec(bytes.toString('latin1'));
  if (match === null) throw notA(number, 'SHA-256', 'a SHA-256 is 64 hexadecimal digits at the beginning of the line');
  return Buffer.from(match[1]!, 'hex');
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 13 ? line.subarray(0, -1) : line;
}

function notA(line: number, what: string, why: string): Refused {
  return new Refused('reconcile.line', `line ${line} of the list is no ${what}`, { why, fix: 'correct the list, or say what it holds with --as ids, --as hashes or --as lines' });
}

function tooLong(line: number): Refused {
  return new Refused('reconcile.line-too-long', `line ${line} of the list is too long`, { why: `the limit is ${LINE_BYTES_MAX} octets`, fix: 'check that the file is a list of lines' });
}

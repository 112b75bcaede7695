// SPDX-License-Identifier: Apache-2.0
// For tests: the digest of a tree as docs/FORMAT.md, "File integrity", has it, computed from the disk by code that is not the reader's.
import { createHash, hash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ByteWriter } from '@strongroom/bytes';

const NONE = Buffer.alloc(32);
const [FILE, DIRECTORY, LINK] = [1, 2, 3];

/** Hexadecimal. The tree holds files, directories and links, without extended attributes. */
export function baselineDigest(tree: string): string {
  const digest = createHash('sha256');
  for (const path of pathsOf(tree)) digest.update(entryOf(path));
  return digest.digest('hex');
}

function* pathsOf(path: string): Generator<string> {
  yield path;
  if (!lstatSync(path).isDirectory()) return;
  const names = readdirSync(path).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) yield* pathsOf(join(path, name));
}

function entryOf(path: string): Uint8Array {
  const facts = lstatSync(path, { bigint: true });
  const kind = facts.isFile() ? FILE : facts.isDirectory() ? DIRECTORY : LINK;
  const octets = Buffer.from(path);
  const content = kind === DIRECTORY ? NONE : hash('sha256', kind === LINK ? readlinkSync(path, 'buffer') : readFileSync(path), 'buffer');
  return new ByteWriter().u16(octets.length).bytes(octets).u8(kind).u32(Number(facts.mode & 0o7777n)).u32(Number(facts.uid)).u32(Number(facts.gid))
    .u64(facts.ino).u64(kind === DIRECTORY ? 0n : facts.size).bytes(content).bytes(NONE).finish();
}

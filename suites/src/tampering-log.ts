// SPDX-License-Identifier: Apache-2.0
// Tampering with log/: what any verifier of a C2SP tlog-tiles log must refuse, ours and others.
import { bundlePath, openCheckpoint, tilePath, tilesOf, type Checkpoint } from '@strongroom/evidence';
import { flip, put, remove, swap, truncate, type Subject, type Tampering } from './tampered-files.ts';

const CHECKPOINT = 'log/checkpoint';

export function logTamperings(subject: Subject): Tampering[] {
  const note = subject.files.get(CHECKPOINT)!.toString();
  const checkpoint = openCheckpoint(note, subject.key);
  return [...ofCheckpoint(note, checkpoint), ...withTheKey(subject, checkpoint), ...ofTiles(checkpoint.size), ...ofBundles(subject, checkpoint.size)];
}

function* ofCheckpoint(note: string, { origin, size, root }: Checkpoint): Generator<Tampering> {
  const signature = note.trimEnd().split(' ').at(-1)!;
  const edit = (from: string, to: string): Tampering['apply'] => put(CHECKPOINT, note.replace(from, to));
  yield { name: 'the checkpoint is deleted', code: 'log.checkpoint-missing', apply: remove(CHECKPOINT) };
  yield { name: 'a bit of the signature', code: 'log.checkpoint-signature', apply: edit(signature, flipped(signature, 30)) };
  yield { name: 'a bit of the key id', code: 'log.checkpoint-signature', apply: edit(signature, flipped(signature, 1)) };
  yield { name: 'a bit of the root', code: 'log.checkpoint-signature', apply: edit(root.toString('base64'), flipped(root.toString('base64'), 5)) };
  yield { name: 'another origin', code: 'log.checkpoint-signature', apply: edit(`${origin}\n`, `${origin}x\n`) };
  yield { name: 'size + 1', code: 'log.checkpoint-signature', apply: edit(`\n${size}\n`, `\n${size + 1}\n`) };
  if (size > 0) yield { name: 'size - 1', code: 'log.checkpoint-signature', apply: edit(`\n${size}\n`, `\n${size - 1}\n`) };
  yield { name: 'no signature', code: 'store.format', apply: put(CHECKPOINT, note.slice(0, note.indexOf('\n\n') + 1)) };
  yield { name: 'an extension line', code: 'log.checkpoint-signature', apply: edit('\n\n', '\nmore\n\n') };
}

/** What the holder of the key could sign, and the tiles do not bear out. */
function* withTheKey({ signCheckpoint: sign }: Subject, { size, root }: Checkpoint): Generator<Tampering> {
  if (sign === undefined) return;
  const other = Buffer.from(root);
  other[0]! ^= 1;
  yield { name: 'a signed root of another tree', code: 'log.root', apply: put(CHECKPOINT, sign(size, other)) };
  yield { name: 'size + 1, signed', code: 'log.bundle', apply: put(CHECKPOINT, sign(size + 1, root)) };
  if (size > 0) yield { name: 'size - 1, signed', code: size % 256 === 1 ? 'log.root' : 'log.tile', apply: put(CHECKPOINT, sign(size - 1, root)) };
}

function* ofTiles(size: number): Generator<Tampering> {
  const tiles = [...tilesOf(size)];
  // Of each level the first, which is full where there are many, and the last.
  const chosen = tiles.filter((tile, i) => tile.index === 0 || tiles[i + 1]?.level !== tile.level);
  for (const { level, index, width } of chosen) {
    const path = `log/${tilePath(level, index, width)}`;
    yield { name: `a bit at the beginning of ${path}`, code: 'log.tile', apply: flip(path, 3) };
    yield { name: `a bit at the end of ${path}`, code: 'log.tile', apply: flip(path, -1, 7) };
    yield { name: `${path} is deleted`, code: 'log.tile', apply: remove(path) };
    yield { name: `${path} is cut`, code: 'log.tile', apply: truncate(path, width * 32 - 1) };
  }
  const full = tiles.filter((tile) => tile.level === 0 && tile.width === 256);
  if (full.length > 1) yield { name: 'two tiles change places', code: 'log.tile', apply: swap('log/tile/0/000', 'log/tile/0/001') };
}

function* ofBundles({ files }: Subject, size: number): Generator<Tampering> {
  const last = Math.floor((size - 1) / 256);
  for (const index of size === 0 ? [] : new Set([0, last])) {
    const path = `log/${bundlePath(index, Math.min(256, size - index * 256))}`;
    const length = files.get(path)!.length;
    yield { name: `a bit of the first entry of ${path}`, code: 'log.bundle', apply: flip(path, 25) };
    yield { name: `a bit of the last entry of ${path}`, code: 'log.bundle', apply: flip(path, -3) };
    yield { name: `a length in ${path}`, code: 'log.bundle', apply: flip(path, 1) };
    yield { name: `${path} is deleted`, code: 'log.bundle', apply: remove(path) };
    yield { name: `${path} is cut`, code: 'log.bundle', apply: truncate(path, length - 1) };
  }
  if (size >= 512) yield { name: 'two bundles change places', code: 'log.bundle', apply: swap('log/tile/entries/000', 'log/tile/entries/001') };
}

/** Base64 of the same length with one character changed, and one bit with it. */
function flipped(base64: string, at: number): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[at]! ^= 1;
  return bytes.toString('base64');
}

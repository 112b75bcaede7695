// SPDX-License-Identifier: Apache-2.0
// C2SP tlog-tiles: where a log's hashes and entries lie.
import { ByteReader, ByteWriter, Refused } from '@strongroom/bytes';

export const TILE_WIDTH = 256;
export const ENTRY_BYTES_MAX = 65_535;

/** `tile/<L>/<N>[.p/<W>]`; width 256 is a full tile. */
export function tilePath(level: number, index: number, width: number): string {
  return `tile/${level}/${numbered(index)}${partial(width)}`;
}

/** `tile/entries/<N>[.p/<W>]`. */
export function bundlePath(index: number, width: number): string {
  return `tile/entries/${numbered(index)}${partial(width)}`;
}

function numbered(index: number): string {
  let text = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    text = `x${String(rest % 1000).padStart(3, '0')}/${text}`;
  }
  return text;
}

function partial(width: number): string {
  return width === TILE_WIDTH ? '' : `.p/${width}`;
}

/** An entry bundle: each entry after its u16 length. */
export function encodeBundle(entries: readonly Buffer[]): Buffer {
  const to = new ByteWriter(entries.reduce((sum, entry) => sum + entry.length + 2, 16));
  for (const entry of entries) to.u16(entry.length).bytes(entry);
  return to.finish();
}

/** Throws `Refused`: `tiles.bundle` when it does not hold exactly `width` entries, `bytes.*`. */
export function decodeBundle(bytes: Buffer, width: number): Buffer[] {
  const from = new ByteReader(bytes);
  const entries: Buffer[] = [];
  while (from.remaining > 0) entries.push(from.take(from.u16()));
  if (entries.length !== width) throw new Refused('tiles.bundle', `a bundle holds ${entries.length} entries instead of ${width}`);
  return entries;
}

/** A place in the tiles. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** All tiles of hashes that a log of `size` entries has, partial ones at the right edge. */
export function* tilesOf(size: number): Generator<Tile> {
  for (let level = 0, nodes = size; nodes > 0; level += 1, nodes = Math.floor(nodes / TILE_WIDTH)) {
    for (let index = 0; index * TILE_WIDTH < nodes; index += 1) {
      yield { level, index, width: Math.min(TILE_WIDTH, nodes - index * TILE_WIDTH) };
    }
  }
}

/** The partial tiles at the right edge, one for each level that has one. */
export function* edgeOf(size: number): Generator<Tile> {
  for (let level = 0, nodes = size; nodes > 0; level += 1, nodes = Math.floor(nodes / TILE_WIDTH)) {
    const width = nodes % TILE_WIDTH;
    if (width > 0) yield { level, index: Math.floor(nodes / TILE_WIDTH), width };
  }
}

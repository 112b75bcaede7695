// SPDX-License-Identifier: Apache-2.0
// A consistent copy of a live store. The checkpoint is read first and written last; what stands between is exactly what
// it covers. A copy that was interrupted has no checkpoint, and nobody takes it for one.
import { openCheckpoint, parsePartName, rotationName, TILE_WIDTH, bundlePath, tilePath, tilesOf, type LinkedKeys, type StoreReader } from '@strongroom/evidence';
import { damaged, exactFile, findCovered, firstEntries, SegmentNeeds, type CoveredCommit } from './covered.ts';
import type { SnapshotSink } from './target.ts';
import { copyTimestamps } from './timestamps.ts';

const PIECE_BYTES = 1024 * 1024;
const HASH_BYTES = 32;

export interface SnapshotFacts {
  readonly origin: string;
  readonly logSize: number;
  readonly segments: number;
  readonly timestamps: number;
  /** Octets of segments. */
  readonly bytes: number;
}

/** Throws `Failed`: `snapshot.*`; `Refused` when the store's own signature or entries do not hold. */
export async function takeSnapshot(store: StoreReader, keys: LinkedKeys, target: SnapshotSink, progress: (done: number, total: number) => void): Promise<SnapshotFacts> {
  const witnessed = store.readFile('witnessed'); // before the checkpoint, which is then never older
  const { note, checkpoint, commit } = await findCovered(store, keys);
  if (commit !== null) copyCommit(store, commit, target); // first: the vault drops it when it begins the next one
  const needs = new SegmentNeeds();
  for (const { segment, length } of commit?.open ?? []) needs.need(segment, length);
  copyLog(store, checkpoint.size, target, needs);
  copyOrders(store, needs, target);
  const segments = copySegments(store, needs, target, progress);
  if (witnessed !== null && openCheckpoint(witnessed.toString(), keys).size <= checkpoint.size) target.write('witnessed', witnessed);
  const timestamps = copyTimestamps(store, checkpoint.size, target);
  copyRotations(store, keys, checkpoint.size, target);
  target.sync();
  target.write('log/checkpoint', note);
  target.sync();
  return { origin: checkpoint.origin, logSize: checkpoint.size, segments, timestamps, bytes: needs.octets };
}

function copyCommit(store: StoreReader, { name, length }: CoveredCommit, target: SnapshotSink): void {
  target.writePieces(`commit/${name}`, pieces(store, `commit/${name}`, 0, length));
}

function copyRotations(store: StoreReader, keys: LinkedKeys, size: number, target: SnapshotSink): void {
  for (const { checkpoint } of keys.rotations.filter((one) => one.checkpoint.size <= size)) {
    const path = `rotations/${rotationName(checkpoint.size)}`;
    const text = store.readFile(path);
    if (text === null) throw damaged(path, 'it is missing, and the checkpoint covers it');
    target.write(path, text);
  }
}

function copyLog(store: StoreReader, size: number, target: SnapshotSink, needs: SegmentNeeds): void {
  for (const { level, index, width } of tilesOf(size)) {
    const tile = tilePath(level, index, width);
    target.write(`log/${tile}`, exactFile(store, tile, (wider) => wider.subarray(0, width * HASH_BYTES)));
    if (level > 0) continue;
    const bundle = bundlePath(index, width);
    const entries = exactFile(store, bundle, (wider) => (width === TILE_WIDTH ? wider : firstEntries(wider, width)));
    needs.take(entries, width);
    target.write(`log/${bundle}`, entries);
  }
}

/** The orders by which something was destroyed or released belong to the evidence. */
function copyOrders(store: StoreReader, needs: SegmentNeeds, target: SnapshotSink): void {
  for (const order of needs.orders) {
    const path = `orders/${order}.order`;
    const bytes = store.readFile(path);
    if (bytes === null) throw damaged(path, 'it is missing, and the log names it');
    target.write(path, bytes);
  }
}

/** A part that recovery wrote replaces what the part before it holds from its offset on, so only that much is copied. */
function copySegments(store: StoreReader, needs: SegmentNeeds, target: SnapshotSink, progress: (done: number, total: number) => void): number {
  const parts = partsBySegment(store);
  const total = needs.octets;
  let [segments, done] = [0, 0];
  for (const [segment, length] of needs.entries()) {
    let at = 0;
    const list = parts.get(segment) ?? [];
    for (const [index, part] of list.entries()) {
      const end = Math.min(length, list[index + 1]?.offset ?? length);
      if (part.offset >= end && part.offset > 0) continue;
      if (part.offset > at) break;
      const [path, octetsOfPart] = [`segments/${part.name}`, end - part.offset];
      if (target.reuse?.(path, octetsOfPart) === true) progress((done += octetsOfPart), total);
      else target.writePieces(path, pieces(store, path, 0, octetsOfPart, (octets) => progress((done += octets), total)));
      at = end;
    }
    if (at < length) throw damaged(`segments/${segment}.seg`, `it ends at octet ${at}, the checkpoint covers ${length}`);
    segments += 1;
  }
  return segments;
}

interface Part {
  readonly name: string;
  readonly offset: number;
}

/** `<id>.seg` before `<id>.0.seg`, which replaces it. */
function partsBySegment(store: StoreReader): Map<string, Part[]> {
  const parts = new Map<string, Part[]>();
  for (const name of store.list('segments')) {
    const part = parsePartName(name);
    if (part !== null) parts.set(part.segment, [...(parts.get(part.segment) ?? []), { name, offset: part.offset }]);
  }
  for (const list of parts.values()) list.sort((a, b) => a.offset - b.offset || a.name.length - b.name.length);
  return parts;
}

/** Throws `Failed('snapshot.damaged')` when the file is shorter. */
function* pieces(store: StoreReader, path: string, from: number, length: number, copied: (octets: number) => void = () => undefined): Generator<Buffer> {
  for (let at = from; at < from + length;) {
    const piece = store.readAt(path, at, Math.min(PIECE_BYTES, from + length - at));
    if (piece === null || piece.length === 0) throw damaged(path, `it ends at octet ${at}, ${from + length} are covered by the checkpoint`);
    yield piece;
    at += piece.length;
    copied(piece.length);
  }
}

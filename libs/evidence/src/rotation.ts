// SPDX-License-Identifier: Apache-2.0
// A rotation of the log's key, docs/FORMAT.md section 4: the last entry of a checkpoint names the new key, and both keys
// signed that checkpoint. Kept as a C2SP tlog-proof with the entry as its extra data, so it stands alone.
import { Refused } from '@strongroom/bytes';
import { decodeEntry, type RotateEntry } from './entry.ts';
import { leafHash, verifyInclusion } from './merkle.ts';
import { openCheckpoint, parseVkey, vkeyOf, type Checkpoint, type KeyChain, type KeyEpoch, type NoteKey } from './note.ts';
import { decodeTlogProof, encodeTlogProof } from './tlog-proof.ts';

export interface Rotation {
  /** The checkpoint that both keys signed; the entry is the last that it covers. */
  readonly checkpoint: Checkpoint;
  readonly entry: RotateEntry;
  readonly bytes: Buffer;
  readonly from: NoteKey;
  readonly to: NoteKey;
}

/** The text that is kept: the entry, its audit path and the checkpoint with both signatures. */
export function encodeRotation(entry: Buffer, index: number, path: readonly Buffer[], checkpoint: string): string {
  return encodeTlogProof({ extra: entry, index, path, checkpoint });
}

/**
 * Checks a rotation by itself: that both keys which its entry names signed a checkpoint that ends with this entry. Whether
 * one of the keys is to be trusted is for the caller: see {@link linkRotations}.
 * Throws `Refused`: `rotation.malformed`, `tlog-proof.malformed`, `entry.malformed`, `note.*`, `checkpoint.*`, `merkle.inclusion`.
 */
export function readRotation(text: string): Rotation {
  const { extra, index, path, checkpoint: note } = decodeTlogProof(text);
  if (extra === null) throw malformed('the entry is missing');
  const entry = decodeEntry(extra);
  if (entry.kind !== 'rotate') throw malformed(`the entry is a ${entry.kind}`);
  const [from, to] = [parseVkey(entry.from), parseVkey(entry.to)];
  if (from.name !== to.name || entry.from === entry.to) throw malformed('it does not lead from one key of a log to another of the same');
  const checkpoint = openCheckpoint(note, from);
  openCheckpoint(note, to);
  if (index !== checkpoint.size - 1) throw malformed(`entry ${index} is not the last of ${checkpoint.size}`);
  verifyInclusion(leafHash(extra), index, checkpoint.size, path, checkpoint.root);
  return { checkpoint, entry, bytes: extra, from, to };
}

/** The keys of a log over time with what proves each change: one rotation fewer than epochs. */
export interface LinkedKeys extends KeyChain {
  readonly rotations: readonly Rotation[];
}

/**
 * The keys of a log over time, from one that is trusted: those that it led to, and those that led to it. Rotations that
 * are not of this chain are left out; where two lead away from one key the first counts.
 */
export function linkRotations(trusted: NoteKey, rotations: readonly Rotation[]): LinkedKeys {
  const sorted = rotations.toSorted((a, b) => a.checkpoint.size - b.checkpoint.size);
  const linked: Rotation[] = [];
  let first = vkeyOf(trusted);
  for (const rotation of sorted.toReversed()) {
    if (rotation.entry.to !== first || rotation.checkpoint.size >= (linked[0]?.checkpoint.size ?? Infinity)) continue;
    linked.unshift(rotation);
    first = rotation.entry.from;
  }
  let last = vkeyOf(trusted);
  for (const rotation of sorted) {
    if (rotation.entry.from !== last || rotation.checkpoint.size <= (linked.at(-1)?.checkpoint.size ?? -1)) continue;
    linked.push(rotation);
    last = rotation.entry.to;
  }
  return { name: trusted.name, epochs: epochsOf(trusted, linked), rotations: linked };
}

function epochsOf(trusted: NoteKey, linked: readonly Rotation[]): KeyEpoch[] {
  if (linked.length === 0) return [{ key: trusted, from: 0, to: Infinity }];
  const keys = [linked[0]!.from, ...linked.map(({ to }) => to)];
  const sizes = linked.map(({ checkpoint }) => checkpoint.size);
  return keys.map((key, i) => ({ key, from: sizes[i - 1] ?? 0, to: sizes[i] ?? Infinity }));
}

function malformed(why: string): Refused {
  return new Refused('rotation.malformed', 'this is no rotation of a log\'s key', { why });
}

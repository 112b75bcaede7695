// SPDX-License-Identifier: Apache-2.0
// A record's proof that stands alone, docs/FORMAT.md section 7.
import { Refused } from '@strongroom/bytes';
import { recordLeaf } from './batch.ts';
import { decodeEntry, type BatchEntry } from './entry.ts';
import { leafHash, verifyInclusion } from './merkle.ts';
import { openCheckpoint, type Checkpoint, type KeyChain, type LogKey, type NoteKey } from './note.ts';
import { decodeContext, type Context } from './receipt.ts';
import { verifyTimestamp, type Timestamp, type TimestampTrust } from './timestamp/index.ts';
import { linkRotations, readRotation, type Rotation } from './rotation.ts';

const ROTATIONS_MAX = 256;

export const PROOF_FORMAT = 'strongroom proof v1';

export interface Proof {
  readonly format: typeof PROOF_FORMAT;
  readonly id: string;
  readonly checkpoint: string;
  /** How the log came to the key that signed, oldest first; left out while it has its first key. */
  readonly rotations?: readonly string[];
  readonly entry: { readonly index: number; readonly bytes: string; readonly path: readonly string[] };
  readonly record: {
    readonly index: number; readonly path: readonly string[]; readonly salt: string;
    readonly context: string; readonly sequence: number; readonly raw: string;
  };
  /** The earliest timestamp whose checkpoint covers the entry, where there is one. */
  readonly timestamp?: ProofTimestamp;
}

export interface ProofTimestamp {
  /** The signed note that was stamped, to the octet. */
  readonly checkpoint: string;
  /** From the entry to the root of that checkpoint. */
  readonly path: readonly string[];
  /** The authority's answer. */
  readonly response: string;
}

export interface Proven {
  readonly checkpoint: Checkpoint;
  /** The key of the log's at that time. */
  readonly signer: NoteKey;
  readonly entry: BatchEntry;
  readonly context: Context;
  readonly sequence: number;
  readonly raw: Buffer;
  readonly timestamp: ProvenTimestamp | null;
}

export interface ProvenTimestamp {
  /** It covers the entry. */
  readonly checkpoint: Checkpoint;
  /** When that existed; null when no authority was named to check it. */
  readonly verified: Timestamp | null;
}

/**
 * What a proof proves to who holds one of the log's keys: the one that signed, an older one that led to it, or a newer one;
 * its time too where it has a timestamp and `trust` says whom to believe. Rotations beside those of the proof may be known.
 * Throws `Refused`: `proof.malformed`, `rotation.*`, `note.*`, `checkpoint.*`, `entry.*`, `merkle.inclusion`, `receipt.*`, `timestamp.*`, `der.*`.
 */
export function verifyProof(proof: Proof, key: NoteKey, trust?: TimestampTrust, known: readonly Rotation[] = []): Proven {
  checkShape(proof);
  const keys = linkRotations(key, [...(proof.rotations ?? []).map(readRotation), ...known]);
  const checkpoint = openCheckpoint(proof.checkpoint, keys);
  const entryBytes = decode64(proof.entry.bytes);
  verifyInclusion(leafHash(entryBytes), proof.entry.index, checkpoint.size, proof.entry.path.map(decode64), checkpoint.root);
  const entry = decodeEntry(entryBytes);
  if (entry.kind !== 'batch') throw malformed('the entry is no batch');
  const { index, path, salt, context, sequence, raw } = proof.record;
  if (proof.id !== `${proof.entry.index}-${index}`) throw malformed('the id does not name the record that is proven');
  const bytes = { salt: decode64(salt), context: decode64(context), raw: decode64(raw) };
  if (bytes.salt.length !== 16) throw malformed('a salt has 16 octets');
  const leaf = recordLeaf(bytes.salt, bytes.context, sequence, bytes.raw);
  verifyInclusion(leaf, index, entry.records, path.map(decode64), entry.root);
  const timestamp = proof.timestamp === undefined ? null : verifyTime(proof.timestamp, leafHash(entryBytes), proof.entry.index, keys, trust);
  return { checkpoint, signer: signerOf(proof.checkpoint, keys), entry, context: decodeContext(bytes.context), sequence, raw: bytes.raw, timestamp };
}

/** The entry stands in the tree of the stamped checkpoint, so it existed when that was stamped. */
function verifyTime(given: ProofTimestamp, leaf: Buffer, index: number, keys: LogKey, trust: TimestampTrust | undefined): ProvenTimestamp {
  const checkpoint = openCheckpoint(given.checkpoint, keys);
  verifyInclusion(leaf, index, checkpoint.size, given.path.map(decode64), checkpoint.root);
  const response = decode64(given.response);
  return { checkpoint, verified: trust === undefined ? null : verifyTimestamp(response, Buffer.from(given.checkpoint), trust) };
}

/** The newest of the keys that signed. */
function signerOf(note: string, keys: KeyChain): NoteKey {
  return keys.epochs.map(({ key }) => key).findLast((key) => isSignedBy(note, key))!;
}

function isSignedBy(note: string, key: NoteKey): boolean {
  try {
    openCheckpoint(note, key);
    return true;
  } catch {
    return false;
  }
}

function checkShape(proof: Proof): void {
  if (proof?.format !== PROOF_FORMAT) throw malformed(`expected a file of format "${PROOF_FORMAT}"`);
  const { entry, record, timestamp } = proof;
  const isTimed = timestamp !== undefined;
  const paths = [entry?.path, record?.path, ...(isTimed ? [timestamp?.path] : [])];
  const rotations = proof.rotations ?? [];
  if (!Array.isArray(rotations) || rotations.length > ROTATIONS_MAX) throw malformed('its rotations are no list, or too long a one');
  const texts = [...rotations, ...(isTimed ? [timestamp?.checkpoint, timestamp?.response] : []), proof.id, proof.checkpoint, entry?.bytes, record?.salt, record?.context, record?.raw, ...paths.flat()];
  const numbers = [entry?.index, record?.index, record?.sequence];
  if (!paths.every((path) => Array.isArray(path) && path.length <= 64) || !texts.every((text) => typeof text === 'string') || !numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw malformed('a field is missing or of another type');
  }
}

function decode64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed('a field is not plain base64');
  return bytes;
}

function malformed(why: string): Refused {
  return new Refused('proof.malformed', 'this is not a proof that `strongroom prove` wrote', { why });
}

// SPDX-License-Identifier: Apache-2.0
// A record's proof that stands alone, docs/FORMAT.md section 7.
import { Refused } from '@strongroom/bytes';
import { recordLeaf } from './batch.ts';
import { decodeEntry, type BatchEntry } from './entry.ts';
import { leafHash, verifyInclusion } from './merkle.ts';
import { openCheckpoint, type Checkpoint, type NoteKey } from './note.ts';
import { decodeContext, type Context } from './receipt.ts';

export const PROOF_FORMAT = 'strongroom proof v1';

export interface Proof {
  readonly format: typeof PROOF_FORMAT;
  readonly id: string;
  readonly checkpoint: string;
  readonly entry: { readonly index: number; readonly bytes: string; readonly path: readonly string[] };
  readonly record: {
    readonly index: number; readonly path: readonly string[]; readonly salt: string;
    readonly context: string; readonly sequence: number; readonly raw: string;
  };
}

export interface Proven {
  readonly checkpoint: Checkpoint;
  readonly entry: BatchEntry;
  readonly context: Context;
  readonly sequence: number;
  readonly raw: Buffer;
}

/** What a proof proves. Throws `Refused`: `proof.malformed`, `note.*`, `checkpoint.*`, `entry.*`, `merkle.inclusion`, `receipt.*`. */
export function verifyProof(proof: Proof, key: NoteKey): Proven {
  checkShape(proof);
  const checkpoint = openCheckpoint(proof.checkpoint, key);
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
  return { checkpoint, entry, context: decodeContext(bytes.context), sequence, raw: bytes.raw };
}

function checkShape(proof: Proof): void {
  if (proof?.format !== PROOF_FORMAT) throw malformed(`expected a file of format "${PROOF_FORMAT}"`);
  const { entry, record } = proof;
  const paths = [entry?.path, record?.path];
  const texts = [proof.id, proof.checkpoint, entry?.bytes, record?.salt, record?.context, record?.raw, ...paths.flat()];
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

// SPDX-License-Identifier: Apache-2.0
// What can be shown of a record that was destroyed, docs/FORMAT.md section 7: that its batch was here, how many records it
// had and from when, and by whose order it is gone.
import { hash, X509Certificate } from 'node:crypto';
import { Refused } from '@strongroom/bytes';
import { decodeEntry, type BatchEntry, type DestroyedEntry, type DestroyEntry, type Entry } from './entry.ts';
import { leafHash, verifyInclusion } from './merkle.ts';
import { openCheckpoint, type Checkpoint, type NoteKey } from './note.ts';
import { linkRotations, readRotation, type Rotation } from './rotation.ts';
import { checkApproved, decodeOrderFile, type Custodian, type DestroyOrder } from './order/index.ts';
import { inRanges } from './segment-ranges.ts';

export const DESTRUCTION_PROOF_FORMAT = 'strongroom destruction proof v1';

const ROTATIONS_MAX = 256;

export interface LoggedEntry {
  readonly index: number;
  readonly bytes: string;
  readonly path: readonly string[];
}

export interface DestructionProof {
  readonly format: typeof DESTRUCTION_PROOF_FORMAT;
  readonly id: string;
  readonly checkpoint: string;
  /** As in the proof of a record. */
  readonly rotations?: readonly string[];
  /** The batch that held the record. */
  readonly entry: LoggedEntry;
  readonly destroy: LoggedEntry;
  /** Null while the destruction is under way. */
  readonly destroyed: LoggedEntry | null;
  /** The file of the order with its approvals. */
  readonly order: string;
}

export interface ProvenDestruction {
  readonly checkpoint: Checkpoint;
  readonly entry: BatchEntry;
  readonly destroy: DestroyEntry;
  readonly destroyed: DestroyedEntry | null;
  readonly order: DestroyOrder;
  readonly custodians: readonly Custodian[];
}

/**
 * What it proves, to who holds a key of the log; rotations beside its own may be known. `authority`: the deployment's CA (DER) if it is known; else the order's own word for it is taken. Throws
 * `Refused`: `proof.malformed`, `proof.destruction`, `rotation.*`, `note.*`, `checkpoint.*`, `entry.*`, `merkle.inclusion`, `order.*`.
 */
export function verifyDestructionProof(proof: DestructionProof, key: NoteKey, authority: Buffer | null, known: readonly Rotation[] = []): ProvenDestruction {
  checkShape(proof);
  const checkpoint = openCheckpoint(proof.checkpoint, linkRotations(key, [...(proof.rotations ?? []).map(readRotation), ...known]));
  const entry = logged(proof.entry, checkpoint, 'batch');
  const destroy = logged(proof.destroy, checkpoint, 'destroy');
  const destroyed = proof.destroyed === null ? null : logged(proof.destroyed, checkpoint, 'destroyed');
  const [, index, record] = /^(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})$/.exec(proof.id) ?? [];
  if (Number(index) !== proof.entry.index || Number(record) >= entry.records) throw malformed('the id names no record of the batch');
  if (proof.destroy.index <= proof.entry.index || !inRanges(destroy.segments, entry.segment)) throw unfit('the destruction is not of the segment that held the record');
  if (!entry.key.startsWith(`${destroy.class}/${destroy.bucket}/`)) throw unfit('the batch is not of the bucket that was destroyed');
  if (destroyed !== null && destroyed.order !== destroy.order) throw unfit('its end is that of another destruction');
  return { checkpoint, entry, destroy, destroyed, ...checkDestroyOrder(destroy, decode64(proof.order), { origin: checkpoint.origin, authority }) };
}

/**
 * The order of a `destroy` entry and who approved it. Throws `Refused`: `proof.destruction`, and what `checkApproved` and
 * `decodeOrderFile` throw.
 */
export function checkDestroyOrder(destroy: DestroyEntry, file: Buffer, rules: { readonly origin: string; readonly authority: Buffer | null }): { order: DestroyOrder; custodians: readonly Custodian[] } {
  if (!hash('sha256', file, 'buffer').equals(destroy.approvals)) throw unfit('the order\'s file is not the one that the log names');
  const decoded = decodeOrderFile(file);
  const { order } = decoded;
  if (order.kind !== 'destroy' || order.id !== destroy.order) throw unfit('the order is another than the log names');
  if (order.class !== destroy.class || order.bucket !== destroy.bucket || order.keys.join() !== destroy.keys.join()) throw unfit('the order is about other keys');
  const custodians = checkApproved(decoded, { ...rules, now: destroy.time });
  return { order, custodians };
}

/** The CA's certificate in PEM or DER, as DER. Throws `Refused('order.authority')`. */
export function authorityOf(certificate: string | Buffer): Buffer {
  try {
    return new X509Certificate(certificate).raw;
  } catch (cause) {
    throw new Refused('order.authority', 'this is no certificate of a CA', { cause, fix: 'give the ca.pem that came with an enrolment' });
  }
}

function logged<K extends Entry['kind']>({ index, bytes, path }: LoggedEntry, { size, root }: Checkpoint, kind: K): Extract<Entry, { kind: K }> {
  const text = decode64(bytes);
  verifyInclusion(leafHash(text), index, size, path.map(decode64), root);
  const entry = decodeEntry(text);
  if (entry.kind !== kind) throw malformed(`entry ${index} is no "${kind}"`);
  return entry as Extract<Entry, { kind: K }>;
}

function isLogged(one: LoggedEntry | undefined): boolean {
  return Number.isSafeInteger(one?.index) && one!.index >= 0 && typeof one!.bytes === 'string'
    && Array.isArray(one!.path) && one!.path.length <= 64 && one!.path.every((text) => typeof text === 'string');
}

function checkShape(proof: DestructionProof): void {
  if (proof?.format !== DESTRUCTION_PROOF_FORMAT) throw malformed(`expected a file of format "${DESTRUCTION_PROOF_FORMAT}"`);
  const entries = [proof.entry, proof.destroy, ...(proof.destroyed === null ? [] : [proof.destroyed])];
  const { rotations = [] } = proof;
  if (!Array.isArray(rotations) || rotations.length > ROTATIONS_MAX || rotations.some((text) => typeof text !== 'string')) throw malformed('its rotations are no list of texts');
  if (!entries.every(isLogged) || [proof.id, proof.checkpoint, proof.order].some((text) => typeof text !== 'string')) throw malformed('a field is missing or of another type');
}

function decode64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed('a field is not plain base64');
  return bytes;
}

function malformed(why: string): Refused {
  return new Refused('proof.malformed', 'this is not a proof that `strongroom prove` wrote', { why });
}

function unfit(why: string): Refused {
  return new Refused('proof.destruction', 'the log and the order do not fit together', { why });
}

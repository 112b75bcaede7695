// SPDX-License-Identifier: Apache-2.0
// One record by its id: shown whole, or with its proof.
import { Refused } from '@strongroom/bytes';
import { decodeBatch, decodeContext, encodeEntry, inclusionPath, itemOf, leavesOf, parseRecordId, recordsOf, saltsOf, SALT_BYTES, PROOF_FORMAT, type DestroyOrder, type DestructionProof, type Proof } from '@strongroom/evidence';
import { readWhole, SYSTEM_DISK } from '../disk.ts';
import { earliestTimestamp } from './earliest-timestamp.ts';
import type { RotationFiles } from '../commit/rotation-files.ts';
import type { History } from './history.ts';

function locate(history: History, args: unknown) {
  const text = String((args as { id?: unknown } | null)?.id);
  const id = parseRecordId(text);
  if (id === null) throw new Refused('read.id', `"${text.slice(0, 100)}" is no record id`, { why: 'an id is two numbers, <entry>-<record>', fix: 'take one that "strongroom search" printed' });
  const { bytes, entry } = history.batchEntry(id.entry);
  if (id.record >= entry.records) throw new Refused('read.no-record', `batch ${id.entry} has ${entry.records} records, not ${id.record + 1}`);
  return { id: text, at: id, bytes, entry };
}

async function find(history: History, args: unknown) {
  const found = locate(history, args);
  const batch = decodeBatch(await history.open(found.entry));
  const record = [...recordsOf(batch.runs)][found.at.record]!;
  return { ...found, batch, record };
}

/** Throws `Refused`: `read.id`, `read.no-record`, `read.no-key`, `read.destroyed`; `Failed('read.damaged')`. */
export async function show(history: History, args: unknown) {
  const { at, entry, record } = await find(history, args);
  const context = decodeContext(record.context);
  const receipt = {
    admittedAt: context.admittedAt.toString(), asserter: context.asserter, instance: context.instance.toString('hex'),
    sourceKey: context.sourceKey.toString('hex'), flags: context.flags,
    ...(context.cut === undefined ? {} : { cut: { fullLength: Number(context.cut.fullLength), fullHash: context.cut.fullHash.toString('hex') } }),
  };
  return { ...itemOf(at.entry, record), receipt, batch: encodeEntry(entry).toString() };
}

/**
 * Under the last witnessed checkpoint, if that covers it, and with the earliest timestamp that does. Of what was destroyed
 * `proveDestroyed` tells. Throws the same, but for `read.destroyed`.
 */
export async function prove(
  history: History, places: { readonly timestamps: string; readonly witnessed: string; readonly rotations: RotationFiles }, args: unknown,
  proveDestroyed: (id: string, index: number, order: DestroyOrder) => DestructionProof,
): Promise<Proof | DestructionProof> {
  const located = locate(history, args);
  const order = history.destroyedBy(located.entry.segment);
  if (order !== null) return { ...proveDestroyed(located.id, located.at.entry, order), ...rotationsUpTo(history.size, places.rotations) };
  const { id, at, bytes, entry, batch, record } = await find(history, args);
  const path = inclusionPath(leavesOf(batch.seed, batch.runs), at.record);
  const salt = saltsOf(batch.seed, entry.records).subarray(at.record * SALT_BYTES, (at.record + 1) * SALT_BYTES);
  const timestamp = earliestTimestamp(SYSTEM_DISK, places.timestamps, at.entry, (size) => history.entryPath(at.entry, size));
  const { note, size } = covering(history, places.witnessed, at.entry);
  const stampedSize = Number(timestamp?.checkpoint.split('\n')[1] ?? 0);
  return {
    format: PROOF_FORMAT, id, checkpoint: note, ...rotationsUpTo(Math.max(size, stampedSize), places.rotations),
    entry: { index: at.entry, bytes: bytes.toString('base64'), path: history.entryPath(at.entry, size).map(base64) },
    record: { index: at.record, path: path.map(base64), salt: base64(salt), context: base64(record.context), sequence: record.sequence, raw: base64(record.raw) },
    ...(timestamp === null ? {} : { timestamp }),
  };
}

/** What leads from the log's first key to the one that signed; nothing while it has its first. */
function rotationsUpTo(size: number, rotations: RotationFiles): { rotations?: readonly string[] } {
  const texts = rotations.textsUpTo(size);
  return texts.length === 0 ? {} : { rotations: texts };
}

function covering(history: History, witnessed: string, entry: number): { readonly note: string; readonly size: number } {
  const note = readWhole(SYSTEM_DISK, witnessed)?.toString() ?? '';
  const size = Number(note.split('\n')[1] ?? 0);
  return size > entry && size <= history.size ? { note, size } : { note: history.checkpoint, size: history.size };
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}

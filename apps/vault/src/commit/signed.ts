// SPDX-License-Identifier: Apache-2.0
// What the log's keys sign: checkpoints, and by them changes of the key.
import { checkpointText, encodeRotation, readRotation, signatureLine, type LogTree, type NoteKey } from '@strongroom/evidence';
import type { SealingKeys } from './keys.ts';
import type { KeptRotation } from './rotation-files.ts';

/** The checkpoint as a note, signed by each of these keys. */
export async function signedCheckpoint(keys: Pick<SealingKeys, 'signCheckpoint'>, checkpoint: Parameters<typeof checkpointText>[0], signers: readonly NoteKey[]): Promise<string> {
  const text = checkpointText(checkpoint);
  const lines = await Promise.all(signers.map(async (key) => signatureLine(key, await keys.signCheckpoint(Buffer.from(text), spkiOf(key)))));
  return `${text}\n${lines.join('')}`;
}

/** Checked before it is committed: a rotation that does not hold would end the log. */
export function rotationOf(entry: Buffer, tree: LogTree, checkpoint: string): KeptRotation {
  const text = encodeRotation(entry, tree.size - 1, tree.lastEntryPath(), checkpoint);
  readRotation(text);
  return { size: tree.size, text };
}

const exported = new WeakMap<NoteKey, Buffer>();

/** Once for each key: it costs as much as a small batch. */
function spkiOf(key: NoteKey): Buffer {
  const spki = exported.get(key) ?? key.key.export({ type: 'spki', format: 'der' });
  exported.set(key, spki);
  return spki;
}

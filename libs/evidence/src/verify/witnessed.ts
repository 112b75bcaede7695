// SPDX-License-Identifier: Apache-2.0
// How far others vouch for a store: store/witnessed, a checkpoint with the cosignatures of witnesses. Without a policy it is
// one more remembered checkpoint; with one its cosignatures must make the quorum. A mirror's copy has them under log/checkpoint.
import { Refused } from '@strongroom/bytes';
import { openCheckpoint, type Checkpoint, type LogKey } from '../note.ts';
import { shownName, type Policy } from '../witness/policy.ts';
import { CHECKPOINT_PATH } from './checkpoint.ts';
import { judgeWitnessed } from '../witness/witnessed.ts';
import type { GuardedReader } from './store-reader.ts';
import { reason, type FailureCode, type Findings, type Witnessed } from './verdict.ts';

const NOTE_BYTES_MAX = 64 * 1024;
export const WITNESSED_PATH = 'witnessed';

export interface WitnessedFound {
  readonly checkpoint: Checkpoint | null;
  readonly said: Witnessed | null;
}

/** Read before the store's checkpoint: on a live store that one is never older. */
export function storeWitnessed(reader: GuardedReader, key: LogKey, policy: Policy | undefined, findings: Findings): WitnessedFound {
  const note = reader.readFile(WITNESSED_PATH, NOTE_BYTES_MAX)?.toString('utf8') ?? mirrored(reader, policy);
  if (note === undefined) {
    if (policy !== undefined && policy.quorum !== null) findings.fail('witness.missing', WITNESSED_PATH, 'nothing in this store is witnessed, and the policy asks for a quorum');
    return { checkpoint: null, said: null };
  }
  try {
    if (policy === undefined) {
      const checkpoint = openCheckpoint(note, key);
      return { checkpoint, said: { size: checkpoint.size, at: null, by: [] } };
    }
    const { origin, size, root, names, seconds } = judgeWitnessed(note, key, policy);
    return { checkpoint: { origin, size, root }, said: { size, at: seconds === 0 ? null : new Date(seconds * 1000).toISOString(), by: names.map(shownName) } };
  } catch (error) {
    findings.fail(codeOf(error), WITNESSED_PATH, reason(error));
    return { checkpoint: null, said: null };
  }
}

/** A mirror's copy has no such file: its own word, and perhaps that of others, stands under the log's checkpoint. */
function mirrored(reader: GuardedReader, policy: Policy | undefined): string | undefined {
  if (policy === undefined) return undefined;
  const note = reader.readFile(CHECKPOINT_PATH, NOTE_BYTES_MAX)?.toString('utf8');
  const lines = note?.slice(note.lastIndexOf('\n\n')) ?? '';
  return policy.witnesses.some(({ key }) => lines.includes(`— ${key.name} `)) ? note : undefined;
}

function codeOf(error: unknown): FailureCode {
  const code = error instanceof Refused ? error.code : '';
  if (code === 'witness.no-quorum') return 'witness.quorum';
  return code === 'note.cosignature' ? 'witness.cosignature' : 'witness.checkpoint';
}

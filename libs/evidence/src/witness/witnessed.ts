// SPDX-License-Identifier: Apache-2.0
// A checkpoint under a policy: who of its witnesses cosigned it, and whether they make the quorum.
import { Refused } from '@strongroom/bytes';
import { epochsOf, isBy, openCheckpoint, splitNote, type Checkpoint, type LogKey } from '../note.ts';
import { cosignaturesOf, type Cosignature } from './cosignature.ts';
import { isQuorum, shownName, type Policy } from './policy.ts';

export interface WitnessedCheckpoint extends Checkpoint {
  /** With the log's signature and those cosignatures that the policy knows. */
  readonly note: string;
  /** The latest of its cosignatures, seconds since 1970. */
  readonly seconds: number;
  /** Those who cosigned, as the policy calls them. */
  readonly names: readonly string[];
}

/**
 * Judges a checkpoint of a log by a policy; signatures that nobody asked for are left out of its note. Throws `Refused`:
 * `note.*`, `checkpoint.*`, `witness.no-quorum`.
 */
export function judgeWitnessed(note: string, key: LogKey, policy: Policy): WitnessedCheckpoint {
  const checkpoint = openCheckpoint(note, key);
  const made = cosignaturesOf(note, policy.witnesses.map((witness) => witness.key));
  const names = policy.witnesses.filter((witness) => made.some((one) => one.key === witness.key)).map(({ name }) => name);
  if (!isQuorum(policy, new Set(names))) {
    throw new Refused('witness.no-quorum', 'the checkpoint is not cosigned by the quorum of the policy', {
      why: `of its witnesses there ${names.length === 1 ? 'is' : 'are'} ${names.map(shownName).join(', ') || 'none'}`, fix: 'take a checkpoint, or a proof, that was witnessed; or compare the policy',
    });
  }
  return { ...checkpoint, names, seconds: Math.max(0, ...made.map(({ seconds }) => seconds)), note: cleanNote(note, key, made) };
}

function cleanNote(note: string, by: LogKey, made: readonly Cosignature[]): string {
  const { text, signatures } = splitNote(note);
  const lines = [...signatures.filter((line) => epochsOf(by).some(({ key }) => isBy(line, key))).map(({ line }) => line), ...made.map(({ line }) => line)];
  return `${text}\n${[...new Set(lines)].map((line) => `${line}\n`).join('')}`;
}

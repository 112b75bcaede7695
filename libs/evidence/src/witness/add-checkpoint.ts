// SPDX-License-Identifier: Apache-2.0
// The body of C2SP tlog-witness add-checkpoint:
//   old <size> LF · <base64 hash> LF, at most 63 · LF · <checkpoint, a signed note>
import { Refused } from '@strongroom/bytes';
import { HASH_BYTES } from '../merkle.ts';

export const PROOF_LINES_MAX = 63;
/** A note of 64 KiB with its proof. */
export const ADD_CHECKPOINT_BYTES_MAX: number = 64 * 1024 + (PROOF_LINES_MAX + 2) * 45;

export interface AddCheckpoint {
  readonly oldSize: number;
  readonly proof: readonly Buffer[];
  readonly note: string;
}

export function encodeAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  return `old ${oldSize}\n${proof.map((node) => `${node.toString('base64')}\n`).join('')}\n${note}`;
}

/** Throws `Refused('witness.request')`. */
export function parseAddCheckpoint(body: Buffer): AddCheckpoint {
  const text = body.toString('utf8');
  const split = text.indexOf('\n\n');
  if (body.length > ADD_CHECKPOINT_BYTES_MAX || split < 0 || !Buffer.from(text).equals(body)) throw malformed('it is no old size, proof, empty line and note');
  const [first = '', ...lines] = text.slice(0, split).split('\n');
  const size = /^old (0|[1-9][0-9]{0,15})$/.exec(first)?.[1];
  if (size === undefined || !Number.isSafeInteger(Number(size))) throw malformed('its first line is not "old <size>"');
  if (lines.length > PROOF_LINES_MAX) throw malformed(`it has ${lines.length} lines of proof, the limit is ${PROOF_LINES_MAX}`);
  return { oldSize: Number(size), proof: lines.map(hashOf), note: text.slice(split + 2) };
}

function hashOf(line: string): Buffer {
  const hash = Buffer.from(line, 'base64');
  if (hash.length !== HASH_BYTES || hash.toString('base64') !== line) throw malformed('a line of the proof is no hash in base64');
  return hash;
}

function malformed(why: string): Refused {
  return new Refused('witness.request', 'the request cannot be read', { why });
}

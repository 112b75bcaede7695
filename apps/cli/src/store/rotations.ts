// SPDX-License-Identifier: Apache-2.0
// Changes of a log's key, as a home or a store keeps them in rotations/.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { linkRotations, parseVkey, readRotation, type LinkedKeys, type Rotation } from '@strongroom/evidence';

const NAME = /^(0|[1-9][0-9]{0,15})\.tlog-proof$/;

/** What proves a change, in the order of the log: its text and what it says. */
export interface KeptRotation {
  readonly text: string;
  readonly rotation: Rotation;
}

/** All in a directory; none where there is none. Throws what `readRotation` throws. */
export function keptRotations(directory: string): KeptRotation[] {
  const texts = namesIn(directory).filter((name) => NAME.test(name)).map((name) => readFileSync(join(directory, name), 'utf8'));
  return texts.map((text) => ({ text, rotation: readRotation(text) })).toSorted((a, b) => a.rotation.checkpoint.size - b.rotation.checkpoint.size);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Those of a home that may not be there, or not be ours to read: what a home knows helps, and nothing depends on it. */
export function homeRotations(directory: string): Rotation[] {
  try {
    return keptRotations(directory).map(({ rotation }) => rotation);
  } catch {
    return [];
  }
}

/** The log's keys over time, from the line of one of them. Throws `Refused('note.vkey')`. */
export function linkedKeys(vkey: string, kept: readonly KeptRotation[]): LinkedKeys {
  return linkRotations(parseVkey(vkey), kept.map(({ rotation }) => rotation));
}

/** Throws `Failed('home.no-way')` when the key is none that leads to the present one. */
export function checkLeadsTo(last: string, present: string): void {
  if (last === present) return;
  throw new Failed('home.no-way', 'the key that you hold does not lead to the log\'s present one', {
    why: `it leads to ${last}, the home says ${present}`, fix: 'do not trust this log before you know why: it is another log, or its key was changed without the old one',
  });
}

// SPDX-License-Identifier: Apache-2.0
// What this machine knows of a store from elsewhere: the checkpoint that the vault saw last, and digests of closed segments.
import { readIfThere } from '@strongroom/service/client';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { parseChecksums, type Checksum } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service/client';
import { some } from '../quantity.ts';

const CHECKPOINT_CHARACTERS_MAX = 64 * 1024;

export interface Knowledge {
  /** Signed notes. */
  readonly remembered: readonly string[];
  /** By segment. */
  readonly checksums: ReadonlyMap<string, Checksum>;
  /** What the store is compared with, or why with nothing, in words. */
  readonly said: string;
}

export const NO_CHECKSUMS: ReadonlyMap<string, Checksum> = new Map();

/**
 * What the vault of this home keeps in state/vault, and checksums where `vault.checksums` says. That it cannot be read is
 * said; before the first start it is not there.
 */
export function homeKnowledge(paths: Layout, checksumDirectory: string = paths.vaultState): Knowledge {
  try {
    const note = readIfThere(join(paths.vaultState, 'remembered'));
    const checksums = parseChecksums(wholeLines(readIfThere(join(checksumDirectory, 'checksums')) ?? ''));
    if (note === null) return { remembered: [], checksums, said: 'nothing is remembered here' };
    return { remembered: [note], checksums, said: `compared with the checkpoint that is remembered here, and ${some(checksums.size, 'checksum')}` };
  } catch (error) {
    return { remembered: [], checksums: NO_CHECKSUMS, said: `not compared with what is remembered here: ${(error as Error).message}` };
  }
}

/** The configuration decides where the home's checksums lie. Throws what `loadConfig` throws. */
export async function checksumDirectory({ configFile, paths }: { readonly configFile: string | undefined; readonly paths: Layout }): Promise<string> {
  if (configFile === undefined) return paths.vaultState;
  const { loadConfig } = await import('@strongroom/service/config');
  return loadConfig(configFile).vault.checksums ?? paths.vaultState;
}

/** A crash, or a vault that is just writing, leaves the last line torn. */
function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

/** `--checkpoint FILE`: a signed note of this log. Throws `Refused('usage.checkpoint')`. */
export function givenCheckpoint(file: string): string {
  const note = readFileSync(file, 'utf8');
  if (note.length <= CHECKPOINT_CHARACTERS_MAX && note.includes('\n\n')) return note;
  throw new Refused('usage.checkpoint', `${file} is no checkpoint`, {
    why: 'a checkpoint is a signed note: three lines, an empty one, and signatures',
    fix: 'give a copy of the file "checkpoint" in "strongroom log-dir"',
  });
}

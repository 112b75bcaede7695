// SPDX-License-Identifier: Apache-2.0
// The log's verifier key: from the home that holds the log, or given by who checks it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { parseVkey } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service/client';

const VKEY_CHARACTERS_MAX = 1024;

/** The line in the home's `state/vault/vkey`. Throws `Failed('home.no-vkey')`, `Refused('note.vkey')`. */
export function homeVkey(paths: Layout): string {
  const file = join(paths.vaultState, 'vkey');
  try {
    return checked(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Failed('home.no-vkey', `the log's key is not known in ${paths.home}`, {
      why: `${file} is not there`, fix: 'start Strongroom with "npm start", name its home with --home DIR, or give --vkey', cause: error,
    });
  }
}

/** `--vkey FILE|LINE`, else the home's. Throws what {@link homeVkey} throws, and `Failed` of the file. */
export function chosenVkey(given: string | undefined, paths: Layout): string {
  if (given === undefined) return homeVkey(paths);
  return checked(looksLikeLine(given) ? given : readFileSync(given, 'utf8'));
}

/** A verifier key line has two plus signs with the hash between; no file is named like that by accident. */
function looksLikeLine(given: string): boolean {
  return /\+[0-9a-f]{8}\+/.test(given);
}

function checked(text: string): string {
  const line = text.trim();
  if (line.length > VKEY_CHARACTERS_MAX) {
    throw new Refused('note.vkey', 'this is no verifier key line', {
      why: `it has ${line.length} characters, the limit is ${VKEY_CHARACTERS_MAX}`, fix: 'take the line that "strongroom vkey" prints',
    });
  }
  parseVkey(line);
  return line;
}

// SPDX-License-Identifier: Apache-2.0
// The order to go on from an older store, drawn up from what lies in a home while no service runs.
import { X509Certificate, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { openCheckpoint, parseVkey, type AcceptRollbackOrder, type Checkpoint, type NoteKey } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service';
import { homeVkey } from '../vkey.ts';

/** Throws `Refused`: `order.no-rollback`, `note.*`; `Failed`: `order.no-checkpoint`, `home.no-vkey`. */
export function drawRollback(paths: Layout, reason: string, created: bigint, expires: bigint): AcceptRollbackOrder {
  const key = parseVkey(homeVkey(paths));
  const [found, seen] = [checkpointIn(join(paths.log, 'checkpoint'), key), checkpointIn(join(paths.vaultState, 'remembered'), key)];
  if (seen.size <= found.size) {
    throw new Refused('order.no-rollback', 'there is no rollback to accept', { why: `the store has ${found.size} entries, ${seen.size} were seen`, fix: 'start Strongroom with "npm start"' });
  }
  return {
    kind: 'accept-rollback', id: randomBytes(16).toString('hex'), origin: key.name, size: found.size, root: found.root, created, expires,
    authority: new X509Certificate(readFileSync(paths.ca)).raw, reason, seen: seen.size, seenRoot: seen.root,
  };
}

function checkpointIn(path: string, key: NoteKey): Checkpoint {
  try {
    return openCheckpoint(readFileSync(path, 'utf8'), key);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Failed('order.no-checkpoint', `${path} is not there`, { why: 'an order is drawn up against what the store has and what was seen', fix: 'name the home with --home DIR', cause: error });
  }
}

// SPDX-License-Identifier: Apache-2.0
// The order to go on from an older store, drawn up from what lies in a home while no service runs.
import { X509Certificate, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { openCheckpoint, parseVkey, vkeyLine, type AcceptRollbackOrder, type Checkpoint, type LogKey, type NoteKey } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service/client';
import { keptRotations, linkedKeys } from '../store/rotations.ts';
import { homeVkey } from '../vkey.ts';

/** What the store has, and the most that was seen of its log: the same where only a hardware counter or the word of witnesses tells that more is lost. */
export interface Rollback {
  readonly origin: string;
  readonly found: Checkpoint;
  readonly seen: Checkpoint;
}

/** Throws `Refused`: `order.no-rollback`, `note.*`; `Failed`: `order.no-checkpoint`, `home.no-vkey`. */
export function drawRollback(paths: Layout, reason: string, created: bigint, expires: bigint): AcceptRollbackOrder {
  const { origin, found, seen } = findRollback(paths);
  return {
    kind: 'accept-rollback', id: randomBytes(16).toString('hex'), origin, size: found.size, root: found.root, created, expires,
    authority: new X509Certificate(readFileSync(paths.ca)).raw, reason, seen: seen.size, seenRoot: seen.root,
  };
}

/** Throws the same. */
export function findRollback(paths: Layout): Rollback {
  const key = parseVkey(homeVkey(paths));
  const found = checkpointIn(join(paths.log, 'checkpoint'), storeKeys(paths, key));
  // What a witness showed at an earlier start may be newer than what is remembered.
  const all = ['remembered', 'contradiction'].flatMap((name) => seenIn(join(paths.vaultState, name), [linkedKeys(homeVkey(paths), keptRotations(paths.rotations)), key]));
  const newest = all.toSorted((a, b) => b.size - a.size)[0];
  // A hardware counter that is ahead, or witnesses that only name a size, tell that something is lost, and prove not how much.
  const isTold = ['counter-refusal', 'witness-refusal'].some((name) => existsSync(join(paths.vaultState, name)));
  const seen = (newest?.size ?? 0) <= found.size && isTold ? found : newest;
  if (seen !== found && (seen === undefined || seen.size <= found.size)) {
    throw new Refused('order.no-rollback', 'there is no rollback to accept', { why: `the store has ${found.size} entries, ${seen === undefined ? 'and none were seen' : `${seen.size} were seen`}`, fix: 'start Strongroom with "npm start"' });
  }
  return { origin: key.name, found, seen };
}

/** A store from before the log's key was changed is led to from the first key, which the founding names. */
function storeKeys(paths: Layout, key: NoteKey): readonly LogKey[] {
  const kept = keptRotations(paths.rotations);
  const byPresent = linkedKeys(homeVkey(paths), kept);
  try {
    const { epochs } = JSON.parse(readFileSync(join(paths.keysToken, 'log-keys.json'), 'utf8')) as { epochs: { origin: string; spki: string }[] };
    return [byPresent, ...epochs.filter(({ origin }) => origin === key.name).map(({ origin, spki }) => linkedKeys(vkeyLine(origin, Buffer.from(spki, 'base64')), kept))];
  } catch {
    return [byPresent];
  }
}

function seenIn(path: string, keys: readonly LogKey[]): Checkpoint[] {
  try {
    return [checkpointIn(path, keys)];
  } catch (error) {
    if (error instanceof Failed) return [];
    throw error;
  }
}

function checkpointIn(path: string, keys: readonly LogKey[]): Checkpoint {
  const note = noteIn(path);
  for (const key of keys.slice(0, -1)) {
    try {
      return openCheckpoint(note, key);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'note.signature') throw error;
    }
  }
  return openCheckpoint(note, keys.at(-1)!);
}

function noteIn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Failed('order.no-checkpoint', `${path} is not there`, { why: 'an order is drawn up against what the store has and what was seen', fix: 'name the home with --home DIR', cause: error });
  }
}

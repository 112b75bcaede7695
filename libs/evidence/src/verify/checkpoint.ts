// SPDX-License-Identifier: Apache-2.0
// The checkpoint comes first: everything else is judged by what it covers.
import { Refused } from '@strongroom/bytes';
import { openCheckpoint, readCheckpoint, type Checkpoint, type LogKey } from '../note.ts';
import type { GuardedReader } from './store-reader.ts';
import { reason, type FailureCode, type Findings } from './verdict.ts';

export const CHECKPOINT_BYTES_MAX = 64 * 1024;
export const CHECKPOINT_PATH = 'log/checkpoint';

/**
 * The store's checkpoint. One that fails its signature is a failure and is still returned, so that the rest can be
 * judged and named; null when there is nothing to go by.
 */
export function storeCheckpoint(reader: GuardedReader, key: LogKey, findings: Findings): Checkpoint | null {
  const note = reader.readFile(CHECKPOINT_PATH, CHECKPOINT_BYTES_MAX)?.toString('utf8');
  if (note === undefined) {
    findings.fail('log.checkpoint-missing', CHECKPOINT_PATH, 'there is no checkpoint, so nothing says what the store holds');
    return null;
  }
  try {
    return openCheckpoint(note, key);
  } catch (error) {
    findings.fail(codeOf(error), CHECKPOINT_PATH, reason(error));
    return unsigned(note);
  }
}

function codeOf(error: unknown): FailureCode {
  const code = error instanceof Refused ? error.code : '';
  if (code === 'checkpoint.origin') return 'log.checkpoint-origin';
  return code === 'note.signature' ? 'log.checkpoint-signature' : 'store.format';
}

function unsigned(note: string): Checkpoint | null {
  try {
    return readCheckpoint(note.slice(0, note.lastIndexOf('\n\n') + 1));
  } catch {
    return null;
  }
}

/** Whether a live vault has published a longer log since `size` was read. */
export function hasMoved(reader: GuardedReader, key: LogKey, size: number): boolean {
  const note = reader.readFile(CHECKPOINT_PATH, CHECKPOINT_BYTES_MAX)?.toString('utf8');
  if (note === undefined) return false;
  try {
    return openCheckpoint(note, key).size > size;
  } catch {
    return false;
  }
}

/** Checkpoints that the caller remembers from elsewhere. One that this key did not sign is a failure, not ignored. */
export function rememberedCheckpoints(notes: readonly string[], key: LogKey, findings: Findings): Checkpoint[] {
  return notes.flatMap((note, i) => {
    try {
      return [openCheckpoint(note, key)];
    } catch (error) {
      findings.fail('store.remembered', `remembered checkpoint ${i + 1}`, reason(error));
      return [];
    }
  });
}

/**
 * Holds the store against what is remembered. `rootAt` tells the root of an older size, as the store's own tiles give it.
 * `asOf`: an older store is what the caller wants to look at, so that it is older is a fact, no failure.
 */
export function compareRemembered(
  remembered: readonly Checkpoint[], now: Checkpoint, rootAt: (size: number) => Buffer | undefined, asOf: boolean, findings: Findings,
): void {
  for (const { size, root } of remembered) {
    if (size > now.size) {
      const detail = `the store ends at ${now.size} entries, a checkpoint of ${size} is remembered`;
      if (asOf) findings.note('store.as-of', CHECKPOINT_PATH, detail);
      else findings.fail('store.rollback', CHECKPOINT_PATH, detail);
      continue;
    }
    const here = size === now.size ? now.root : rootAt(size);
    if (here !== undefined && !here.equals(root)) {
      findings.fail('store.fork', CHECKPOINT_PATH, `another log of ${size} entries is remembered, which the same key signed`);
    }
  }
}

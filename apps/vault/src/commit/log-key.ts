// SPDX-License-Identifier: Apache-2.0
// The log's keys as the key service knows them, and what the store says of them.
import { Refused } from '@strongroom/bytes';
import { parseVkey, presentKey, vkeyLine, vkeyOf, type LinkedKeys, type NoteKey } from '@strongroom/evidence';
import type { LogKeyFacts } from '@strongroom/keys';

export interface TokenLogKey {
  readonly vkey: string;
  readonly key: NoteKey;
  readonly state: LogKeyFacts['state'];
}

/** Those of one log, oldest first. */
export function keysOfLog(origin: string, facts: readonly LogKeyFacts[]): TokenLogKey[] {
  return facts.filter((one) => one.origin === origin).map(({ spki, state }) => {
    const vkey = vkeyLine(origin, Buffer.from(spki, 'base64'));
    return { vkey, key: parseVkey(vkey), state };
  });
}

/**
 * Holds what the token has against where the store leads. Throws `Refused`: `vault.rollback` when the log's key was changed
 * after this store, `vault.log-key` when the token is from before that change.
 */
export function checkLogKeys(keys: LinkedKeys, inToken: readonly TokenLogKey[]): void {
  const inStore = new Set(keys.epochs.map(({ key }) => vkeyOf(key)));
  const later = inToken.find(({ vkey, state }) => state !== 'next' && !inStore.has(vkey));
  if (later !== undefined) {
    throw new Refused('vault.rollback', 'the store is older than the log\'s key', {
      why: `the key ${later.vkey} was the log's, and the store does not lead to it`, fix: 'put the newest store back; "strongroom verify --as-of" reads a deliberate old copy',
    });
  }
  const present = vkeyOf(presentKey(keys));
  const held = inToken.find(({ vkey }) => vkey === present);
  if (held !== undefined && held.state !== 'destroyed') return;
  throw new Refused('vault.log-key', 'the token does not have the log\'s present key', {
    why: `the store leads to ${present}; the token and secrets/keys are from before that change`, fix: 'restore secrets/keys and the token from the newest backup',
  });
}

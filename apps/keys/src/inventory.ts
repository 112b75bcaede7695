// SPDX-License-Identifier: Apache-2.0
// The keys of a deployment as its token tells of them.
import type { Keyring } from './keyring.ts';
import type { KeyAttributes, TokenKey } from './token.ts';
import { retiredKeys } from './wrapping.ts';

/** What a key that nobody may take out has. */
export const KEPT: readonly (readonly [keyof KeyAttributes, boolean])[] = [
  ['sensitive', true], ['extractable', false], ['neverExtractable', true], ['local', true],
];

export interface ListedKey extends TokenKey {
  /** What it is for. */
  readonly use: 'log' | 'ca' | 'wrapping' | 'hold' | 'other';
  /** Of wrapping keys and holds: as evidence names it. */
  readonly keyId: string | null;
  /** Of log keys: 1 for the first. */
  readonly epoch: number | null;
  readonly state: string;
  /** ISO 8601, UTC; null where nothing tells. */
  readonly since: string | null;
}

/** Every private and secret key of the deployment. */
export function listKeys(ring: Keyring): ListedKey[] {
  const { deployment } = ring.founded;
  return ring.token.keys(`${deployment}/`).map((key) => ({ ...key, ...placed(ring, key, key.label.slice(deployment.length + 1)) }));
}

function placed(ring: Keyring, key: TokenKey, name: string): Pick<ListedKey, 'use' | 'keyId' | 'epoch' | 'state' | 'since'> {
  const epoch = ring.logKeys.epochs.findIndex(({ label }) => label === key.label);
  if (epoch >= 0) {
    const { state, since } = ring.logKeys.epochs[epoch]!;
    return { use: 'log', keyId: null, epoch: epoch + 1, state, since };
  }
  const none = { keyId: null, epoch: null, since: null };
  if (name === 'ca') return { ...none, use: 'ca', state: 'active' };
  if (name.startsWith('wrap/')) {
    const keyId = `${name.slice('wrap/'.length)}/${key.id}`;
    return { ...none, use: 'wrapping', keyId, state: retiredKeys(ring).has(keyId) ? 'retired' : 'active' };
  }
  return name.startsWith('hold/') ? { ...none, use: 'hold', keyId: `${name}/${key.id}`, state: 'active' } : { ...none, use: 'other', state: 'active' };
}

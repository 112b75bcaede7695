// SPDX-License-Identifier: Apache-2.0
// Whether evidence can be taken at all just now, and if not, why.
import type { Beat } from '@strongroom/service/coverage';
import type { Child } from '../processes/child.ts';

export type Held = NonNullable<Beat['held']>;
type Seen = Pick<Child, 'service' | 'state' | 'reason'>;

/** Of several reasons the one nearest to the store: what is behind it cannot help. Null: evidence is taken. */
export function heldBy(children: readonly Seen[], isLinkDown: boolean | null): Held | null {
  const of = (service: string): readonly Seen[] => children.filter((child) => child.service === service);
  for (const service of ['keys', 'vault', 'gateway']) {
    const all = of(service);
    const gone = all.find(({ state }) => state === 'starting' || state === 'stopped');
    if (gone !== undefined && all.every(({ state }) => state === 'starting' || state === 'stopped')) return { cause: 'service-crash', because: `${service}: ${gone.reason ?? 'it starts'}` };
    const stalled = all.find(({ state }) => state === 'stalled');
    if (service === 'vault' && stalled !== undefined) return { cause: 'stalled', because: `the vault is stalled${stalled.reason === null ? '' : `: ${stalled.reason}`}` };
  }
  return isLinkDown === true ? { cause: 'network-loss', because: 'no link of this machine is up' } : null;
}

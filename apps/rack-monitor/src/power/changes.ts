// SPDX-License-Identifier: Apache-2.0
// What is told by states alone: a breaker that opened, an outlet that was switched, a source that changed.
import type { Reading } from '../profiles/profile.ts';

const TOLD = ['breaker', 'switch', 'supply', 'battery', 'presence'];
/** States that are no more than not knowing: coming or going of one changes nothing. */
const UNKNOWN = ['unknown', 'unavailable'];

export interface StateChange {
  readonly oid: string;
  readonly quantity: Reading['quantity'];
  readonly of: Reading['of'];
  readonly place: string;
  readonly label: string | null;
  readonly from: string;
  readonly to: string;
  /** Several of a breaker's outlets going at once are one act more likely than many. */
  readonly together: number;
}

/** Between two polls of one device, in the order of the later one. */
export function stateChanges(before: readonly Reading[], after: readonly Reading[]): StateChange[] {
  const states = new Map(before.filter(isTold).map((reading) => [reading.oid, reading.state!]));
  const changed = after.filter(isTold).flatMap(({ oid, quantity, of, place, label, state }) => {
    const from = states.get(oid);
    return from === undefined || from === state ? [] : [{ oid, quantity, of, place, label, from, to: state! }];
  });
  return changed.map((one) => ({ ...one, together: changed.filter(({ quantity, to }) => quantity === one.quantity && to === one.to).length }));
}

function isTold({ quantity, state }: Reading): boolean {
  return state !== null && TOLD.includes(quantity) && !UNKNOWN.includes(state);
}

const WRAPS = 2 ** 32;

/** How much a counter of 32 bits grew. Null: it was set back, or its device began anew, so that nothing can be said. */
export function grownBy(before: number, after: number, rebooted: boolean): number | null {
  if (rebooted) return null;
  if (after >= before) return after - before;
  // A wrap comes from the top of the range; from elsewhere it was set back by hand.
  return before > WRAPS * 0.75 && after < WRAPS * 0.25 ? after + WRAPS - before : null;
}

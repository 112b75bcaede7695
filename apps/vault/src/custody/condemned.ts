// SPDX-License-Identifier: Apache-2.0
import type { CustodyTools } from './tools.ts';

/** Keys that orders wait for, or that are being destroyed: nothing is wrapped under them any more. */
export function condemnedKeys({ orders, state }: Pick<CustodyTools, 'orders' | 'state'>): Set<string> {
  const waiting = orders.pending().flatMap(({ order }) => (order.kind === 'destroy' ? order.keys : []));
  return new Set([...waiting, ...[...state.destroying.values()].flatMap(({ keys }) => keys)]);
}

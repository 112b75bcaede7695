// SPDX-License-Identifier: Apache-2.0
// What readings are of, for people and for keys of tables.
import type { Quantity, Reading } from '../profiles/profile.ts';

/** Of these a device tells heat, of all others power. */
const HEAT: ReadonlySet<Quantity> = new Set(['temperature', 'humidity', 'airFlow', 'pressure', 'rotation', 'presence']);

export function isHeat({ quantity }: Pick<Reading, 'quantity'>): boolean {
  return HEAT.has(quantity);
}

/** `phase 1`, `outlet 1.5 (db-01)`. */
export function placeWords({ of, place, label }: Pick<Reading, 'of' | 'place' | 'label'>): string {
  return `${of} ${place}${label === null ? '' : ` (${label})`}`;
}

export function placeFields({ quantity, of, place, label, unit }: Reading): { quantity: Quantity; of: Reading['of']; place: string; label: string | null; unit: string } {
  return { quantity, of, place, label, unit };
}

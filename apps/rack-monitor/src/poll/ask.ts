// SPDX-License-Identifier: Apache-2.0
// What a look at a device asks for, in as few questions as there may be.
import type { Answer } from '../snmp/value.ts';
import { OIDS_MAX, type SnmpSession } from '../snmp/session.ts';

export const UP_TIME = '1.3.6.1.2.1.1.3.0';

/** One question after the other: a device of this kind has one processor, and a slow one. Rejects with `Failed` of a `SnmpCode`. */
export async function askFor(session: Pick<SnmpSession, 'get'>, oids: readonly string[]): Promise<Map<string, Answer['value']>> {
  const found = new Map<string, Answer['value']>();
  for (let at = 0; at < oids.length; at += OIDS_MAX) {
    for (const { oid, value } of await session.get(oids.slice(at, at + OIDS_MAX))) found.set(oid, value);
  }
  return found;
}

export function upTicksOf(found: ReadonlyMap<string, Answer['value']>): number | null {
  const ticks = found.get(UP_TIME);
  return typeof ticks === 'number' ? ticks : null;
}

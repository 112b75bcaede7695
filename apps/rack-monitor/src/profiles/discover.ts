// SPDX-License-Identifier: Apache-2.0
// What a device is: by its sysObjectID, and by what answers.
import type { Answer } from '../snmp/value.ts';
import { textOf } from '../snmp/value.ts';
import type { SnmpSession } from '../snmp/session.ts';
import { PROFILES } from './index.ts';
import { planOf, rootsOf, type Planned } from './plan.ts';
import type { Profile } from './profile.ts';

const SYSTEM = '1.3.6.1.2.1.1';

export interface Discovered {
  readonly system: string;
  readonly description: string;
  readonly name: string;
  readonly profiles: readonly Profile[];
  readonly plan: readonly Planned[];
  /** All that was found, to read the first values from. */
  readonly found: ReadonlyMap<string, Answer['value']>;
}

type Asking = Pick<SnmpSession, 'get' | 'walk'>;

/** Rejects with `Failed` of a `SnmpCode`. A device that no profile fits has none, and no plan. */
export async function discover(session: Asking, profiles: readonly Profile[] = PROFILES): Promise<Discovered> {
  const [description, system, name] = await session.get([`${SYSTEM}.1.0`, `${SYSTEM}.2.0`, `${SYSTEM}.5.0`]);
  const object = typeof system?.value === 'string' ? system.value : '';
  const fitting = await fittingProfiles(session, object, profiles);
  const found = new Map<string, Answer['value']>();
  for (const profile of fitting) {
    for (const root of rootsOf(profile)) for (const { oid, value } of await session.walk(root)) found.set(oid, value);
  }
  return {
    system: object, description: textOf(description?.value ?? null) ?? '', name: textOf(name?.value ?? null) ?? '',
    profiles: fitting, plan: fitting.flatMap((profile) => planOf(profile, found)), found,
  };
}

/** The family that sysObjectID names, else those that answer; the standards besides, where they answer. */
async function fittingProfiles(session: Asking, system: string, profiles: readonly Profile[]): Promise<Profile[]> {
  const named = profiles.filter(({ systems }) => systems.some((one) => system === one || system.startsWith(`${one}.`)));
  const asked = profiles.filter((profile) => !named.includes(profile) && (named.length === 0 || profile.systems.length === 0));
  const answering: Profile[] = [];
  for (const profile of asked) if (await answers(session, profile.root)) answering.push(profile);
  return [...named, ...answering];
}

async function answers(session: Asking, root: string): Promise<boolean> {
  const one = { answersMax: 1, questionsMax: 1 };
  return session.walk(root, one).then((found) => found.length > 0, (error: { code?: string }) => {
    if (error.code === 'snmp.too-much') return true;
    throw error;
  });
}

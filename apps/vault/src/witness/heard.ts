// SPDX-License-Identifier: Apache-2.0
// What the witness service heard at the start, and what it is worth. A witness that cosigns from an entry on that it has seen
// before speaks against a rollback; one to which this log is new does not, and one that names a larger size speaks for one.
import { isQuorum, shownName, type Policy } from '@strongroom/evidence';

/** Names are those of the policy. */
export interface Heard {
  /** It had seen this log, and this store extends that. */
  readonly known: readonly string[];
  /** It sees this log for the first time. */
  readonly unknown: readonly string[];
  /** It says that it has seen more than there is, and does not show it. */
  readonly ahead: readonly string[];
  /** Nothing was heard of it. */
  readonly silent: readonly string[];
  /** Each was asked once, however that went. */
  readonly tried: boolean;
}

export const NOTHING_HEARD: Heard = { known: [], unknown: [], ahead: [], silent: [], tried: false };

/**
 * `compared`: a quorum has seen this log, and it extends that. `ahead`: a quorum says that there was more. `over`: a quorum
 * has answered, and it is neither.
 */
export function judgeHeard(policy: Policy, { known, unknown, ahead, tried }: Heard): 'compared' | 'ahead' | 'over' | 'waiting' {
  if (isQuorum(policy, new Set(known))) return 'compared';
  if (ahead.length > 0 && isQuorum(policy, new Set(ahead))) return 'ahead';
  return tried && isQuorum(policy, new Set([...known, ...unknown, ...ahead])) ? 'over' : 'waiting';
}

/** Why there was no comparison, in words. */
export function whyNotCompared(policy: Policy, { known, unknown, ahead }: Heard): string {
  const of = policy.witnesses.length;
  const parts = [
    ...(known.length === 0 ? [] : [`compared with ${namesOf(known)}`]), ...(unknown.length === 0 ? [] : [`this log is new to ${namesOf(unknown)}`]),
    ...(ahead.length === 0 ? [] : [`more was seen, it is said without showing it, by ${namesOf(ahead)}`]),
  ];
  const silent = of - known.length - unknown.length - ahead.length;
  return `no quorum of the ${of} witnesses had seen this log: ${[...parts, ...(silent === 0 ? [] : [`${silent} could not be asked`])].join('; ')}`;
}

export function namesOf(names: readonly string[]): string {
  return names.map(shownName).join(', ');
}

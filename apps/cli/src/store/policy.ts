// SPDX-License-Identifier: Apache-2.0
// --policy FILE: a C2SP tlog-policy that says whose cosignatures are asked for.
import { readFileSync, statSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { parsePolicy, type Policy } from '@strongroom/evidence';

const POLICY_BYTES_MAX = 64 * 1024;

export const POLICY_OPTION = {
  kind: 'text', value: 'FILE', description: 'A C2SP tlog-policy: its quorum of witnesses must have cosigned',
} as const;

/** Undefined where none was given. Throws `Refused`: `usage.policy`, and `policy.…` with the number of the line. */
export function givenPolicy(file: string | undefined): Policy | undefined {
  if (file === undefined) return undefined;
  const { size } = statSync(file);
  if (size > POLICY_BYTES_MAX) throw new Refused('usage.policy', `${file} is too long for a policy`, { why: `${size} octets, the limit is ${POLICY_BYTES_MAX}`, fix: 'name a C2SP tlog-policy file' });
  return parsePolicy(readFileSync(file));
}

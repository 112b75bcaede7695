// SPDX-License-Identifier: Apache-2.0
// `--tsa-ca FILE`: whom to believe about time.
import { readFileSync, statSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { timestampTrust, type TimestampTrust } from '@strongroom/evidence';

const FILE_BYTES_MAX = 256 * 1024;

/** What both commands that check timestamps say of the option. */
export const TSA_CA_OPTION = { kind: 'text', value: 'FILE', description: 'Root certificates, PEM, of the time stamping authority: its timestamps are checked' } as const;

/** Throws `Refused`: `usage.tsa-ca`, `pem.*`, `timestamp.*`. */
export async function givenTrust(file: string | undefined): Promise<TimestampTrust | undefined> {
  if (file === undefined) return undefined;
  const { size } = statSync(file);
  if (size > FILE_BYTES_MAX) throw new Refused('usage.tsa-ca', `${file} is too long for root certificates`, { why: `${size} octets, the limit is ${FILE_BYTES_MAX}`, fix: 'give the roots of your time stamping authority alone' });
  const { pemDecode } = await import('@strongroom/keys');
  return timestampTrust(pemDecode('CERTIFICATE', readFileSync(file, 'utf8')));
}

// SPDX-License-Identifier: Apache-2.0
// What every verb that reads evidence has in common.
import { Refused } from '@strongroom/bytes';

export const IDENTITY_OPTION = {
  kind: 'text', value: 'DIR', description: "Directory with a reader's cert.pem and key.pem, instead of the home's own",
} as const;

export const CUSTODIAN_OPTION = {
  kind: 'text', value: 'DIR', description: "Directory with a custodian's cert.pem and key.pem; without it the home's operator acts, who approves nothing",
} as const;

export const SOURCE_OPTION = {
  kind: 'text', value: 'NAME', description: 'From one source: its name, service/NAME for one of our own services, or a whole SPIFFE ID',
} as const;

export const ID_ARGUMENT = { name: 'id', description: 'The record, as search shows it: ENTRY-RECORD', required: true } as const;

/** Throws `Refused('usage.id')`. */
export function checkedId(id: string): string {
  if (/^(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})$/.test(id)) return id;
  throw new Refused('usage.id', `"${id.slice(0, 60)}" names no record`, {
    why: 'an id is the number of the entry in the log, a hyphen, and the number of the record in it', fix: 'take it from "strongroom search", for example 42-7',
  });
}

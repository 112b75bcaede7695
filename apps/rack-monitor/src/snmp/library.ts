// SPDX-License-Identifier: Apache-2.0
// The one place where net-snmp is imported.
import snmp from 'net-snmp';

export default snmp;

/** Two of each device, and of those that were there before. A key takes milliseconds to make, and each question needs it. */
const KEYS_MAX = 8192;

/** Something that says of itself that it is another engine each time must not fill our memory. Call it where a session begins. */
export function boundKeys(): void {
  if (Object.keys(snmp.Authentication.authToKeyCache).length > KEYS_MAX) snmp.Authentication.authToKeyCache = {};
}

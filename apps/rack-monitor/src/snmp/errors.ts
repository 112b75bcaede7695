// SPDX-License-Identifier: Apache-2.0
// What can go wrong between us and a device, each by its own code.
import { Failed } from '@strongroom/bytes';

export type SnmpCode =
  | 'snmp.silent' | 'snmp.unreachable' | 'snmp.unknown-user' | 'snmp.wrong-key' | 'snmp.wrong-privacy-key' | 'snmp.security-level'
  | 'snmp.time-window' | 'snmp.unknown-engine' | 'snmp.unauthenticated' | 'snmp.garbage' | 'snmp.device' | 'snmp.too-much' | 'snmp.too-big' | 'snmp.order' | 'snmp.closed';

const WHAT: Readonly<Record<SnmpCode, readonly [what: string, fix: string]>> = {
  'snmp.silent': ['does not answer', 'look whether it is on, its address and port are right, and a firewall lets UDP through'],
  'snmp.unreachable': ['cannot be reached', 'look at the network between here and there'],
  'snmp.unknown-user': ['does not know the user', 'make the user on the device, or correct its name'],
  'snmp.wrong-key': ['and we have different authentication keys', 'correct the password and the protocol of authentication'],
  'snmp.wrong-privacy-key': ['and we have different privacy keys', 'correct the password and the protocol of privacy; of AES-256 there are two kinds, aes256b and aes256r'],
  'snmp.security-level': ['does not offer authentication with privacy', 'allow authPriv for this user on the device'],
  'snmp.time-window': ['and we disagree about its time', 'look whether it lost the count of its boots, or another device has its address'],
  'snmp.unknown-engine': ['says that it is another engine', 'look whether another device has its address'],
  'snmp.unauthenticated': ['was answered for by something without its keys', 'find out who sends from its address'],
  'snmp.garbage': ['answers with what is no SNMP', 'look what listens there'],
  'snmp.device': ['reports an error', 'look at its log'],
  'snmp.too-much': ['answers with more than is taken', 'tell us of this device: a profile asks too much of it'],
  'snmp.too-big': ['cannot answer so much at once', 'tell us of this device: it does not answer a question for a single value'],
  'snmp.order': ['goes in circles', 'update its firmware'],
  'snmp.closed': ['is not asked any more', 'ask again'],
};

export function snmpFailed(code: SnmpCode, address: string, why: string): Failed {
  const [what, fix] = WHAT[code];
  return new Failed(code, `${address} ${what}`, { why, fix, fields: { address } });
}

/** Reports of the User-based Security Model, RFC 3414 section 5, in the words of net-snmp 3.29.2. */
const REPORTS: Readonly<Record<string, SnmpCode>> = {
  'Unsupported Security Level': 'snmp.security-level',
  'Not In Time Window': 'snmp.time-window',
  'Unknown User Name': 'snmp.unknown-user',
  'Unknown Engine ID': 'snmp.unknown-engine',
  'Wrong Digest (incorrect password, community or key)': 'snmp.wrong-key',
  'Decryption Error': 'snmp.wrong-privacy-key',
};
/** net-snmp's ResponseInvalidCode. */
const INVALID: Readonly<Record<number, SnmpCode>> = { 4: 'snmp.wrong-privacy-key', 5: 'snmp.wrong-key', 8: 'snmp.order', 11: 'snmp.device', 14: 'snmp.time-window' };

/** error-status of RFC 3416, section 3. */
const TOO_BIG = 1;

/** An error of net-snmp's, or of the socket's, as one of ours. What came besides tells why nothing else did. */
export function fromLibrary(error: Error & { code?: unknown; status?: unknown; syscall?: string }, address: string, seen: { readonly forged: number; readonly garbage: number }): Failed {
  if (error instanceof Failed) return error;
  // net-snmp puts the number there for a status that it has no word for.
  const why = String(error.message).slice(0, 300);
  if (error.name === 'RequestTimedOutError') {
    if (seen.forged > 0) return snmpFailed('snmp.unauthenticated', address, `${seen.forged} answers were not signed`);
    if (seen.garbage > 0) return snmpFailed('snmp.garbage', address, `${seen.garbage} datagrams came that cannot be read`);
    return snmpFailed('snmp.silent', address, 'no answer came in time');
  }
  if (error.name === 'ResponseInvalidError') return snmpFailed(REPORTS[error.message] ?? INVALID[Number(error.code)] ?? 'snmp.garbage', address, withoutDigests(why));
  if (error.name === 'RequestFailedError') return snmpFailed(error.status === TOO_BIG ? 'snmp.too-big' : 'snmp.device', address, why);
  return snmpFailed(error.syscall === undefined ? 'snmp.garbage' : 'snmp.unreachable', address, why);
}

/** net-snmp puts both digests into its message; one of them is made with our key. */
function withoutDigests(why: string): string {
  return why.startsWith('Authentication digest') ? 'the digest of its answer does not hold' : why;
}

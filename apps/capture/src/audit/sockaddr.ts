// SPDX-License-Identifier: Apache-2.0
// The socket address that a program handed to the kernel, as it lay in memory (struct sockaddr): the family in the
// machine's order, which is little-endian wherever we run; ports and addresses in the network's.
import { textOf } from './text.ts';

export type Address =
  | { readonly family: 'unix'; readonly path: string; readonly abstract: boolean }
  | { readonly family: 'inet' | 'inet6'; readonly address: string; readonly port: number }
  | { readonly family: 'netlink'; readonly port: number; readonly groups: number }
  /** Another family, or too short for its own. */
  | { readonly family: number; readonly octets: string };

const [UNIX, INET, INET6, NETLINK] = [1, 2, 10, 16];
const UNIX_PATH_AT = 2;

/** Null for fewer than two octets. */
export function addressOf(octets: Buffer): Address | null {
  if (octets.length < 2) return null;
  const family = octets.readUInt16LE(0);
  if (family === UNIX) return unix(octets.subarray(UNIX_PATH_AT));
  if (family === INET && octets.length >= 8) return { family: 'inet', address: octets.subarray(4, 8).join('.'), port: octets.readUInt16BE(2) };
  if (family === INET6 && octets.length >= 24) return { family: 'inet6', address: inet6(octets.subarray(8, 24)), port: octets.readUInt16BE(2) };
  if (family === NETLINK && octets.length >= 12) return { family: 'netlink', port: octets.readUInt32LE(4), groups: octets.readUInt32LE(8) };
  return { family, octets: octets.toString('hex') };
}

function unix(path: Buffer): Address {
  const abstract = path[0] === 0 && path.length > 1;
  const name = abstract ? path.subarray(1) : path;
  // Programs hand over the whole structure, the name and what lies behind its end.
  const end = name.indexOf(0);
  return { family: 'unix', path: textOf(end < 0 ? name : name.subarray(0, end)), abstract };
}

/** RFC 5952: the longest series of zero groups, two at least, is left out. */
function inet6(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => octets.readUInt16BE(index * 2));
  let [from, length] = [-1, 1];
  for (let at = 0; at < 8; at += 1) {
    let zeros = 0;
    while (at + zeros < 8 && groups[at + zeros] === 0) zeros += 1;
    if (zeros > length) [from, length] = [at, zeros];
  }
  return from < 0 ? joined(groups) : `${joined(groups.slice(0, from))}::${joined(groups.slice(from + length))}`;
}

function joined(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

// SPDX-License-Identifier: Apache-2.0
// Addresses as text: of peers in receipts, and as names of sources that show no certificate.

/** `192.0.2.1:514` or `[2001:db8::1]:514`; an IPv4 address stays one when it comes through an IPv6 socket. */
export function peerText(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return '';
  const plain = unmapped(address);
  return `${plain.includes(':') ? `[${plain}]` : plain}:${port ?? 0}`;
}

/** The name of a source that is known by its address alone: `plain-192.0.2.1`, `plain-2001-db8-0-0-0-0-0-1`. */
export function plainName(address: string): string {
  const plain = unmapped(address);
  return `plain-${plain.includes(':') ? groupsOf(plain).join('-') : plain}`;
}

function unmapped(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

/** The eight groups of an IPv6 address; a zone, which names an interface of this machine, is left out. */
function groupsOf(address: string): string[] {
  const [before = '', after] = address.replace(/%.*$/, '').toLowerCase().split('::');
  const left = before === '' ? [] : before.split(':');
  const right = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
}

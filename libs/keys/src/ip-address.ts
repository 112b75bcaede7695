// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';

/** The 4 or 16 octets of an address in text (RFC 4291 section 2.2 for IPv6, no zone). Throws `Refused('name.ip')`. */
export function addressOctets(text: string): Buffer {
  const octets = text.includes(':') ? version6(text) : version4(text);
  if (octets !== undefined) return Buffer.from(octets);
  throw new Refused('name.ip', `"${text.slice(0, 60)}" is no IP address`, { fix: 'write it like 192.0.2.10 or 2001:db8::10, without a zone' });
}

/** Whether {@link addressOctets} would take it. */
export function isAddress(text: string): boolean {
  return (text.includes(':') ? version6(text) : version4(text)) !== undefined;
}

function version4(text: string): number[] | undefined {
  const parts = text.split('.');
  const valid = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return valid ? parts.map(Number) : undefined;
}

function version6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => groups(half, index === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (halves.length === 1) return missing === 0 ? head : undefined;
  return missing >= 2 ? [...head, ...Buffer.alloc(missing), ...tail!] : undefined;
}

/** Octets of one side of `::`; at the end of the address a dotted quad may stand. */
function groups(half: string, last: boolean): number[] | undefined {
  if (half === '') return [];
  const octets: number[] = [];
  const parts = half.split(':');
  for (const [index, part] of parts.entries()) {
    const quad = last && index === parts.length - 1 && part.includes('.') ? version4(part) : undefined;
    if (quad !== undefined) octets.push(...quad);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) octets.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 0xff);
    else return undefined;
  }
  return octets;
}

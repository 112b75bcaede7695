// SPDX-License-Identifier: Apache-2.0
// Octets as text that loses none of them.
/** UTF-8 as text; an octet that belongs to none, and a control character, as `\xNN`; a backslash twice. */
export function textOf(octets: Buffer): string {
  let text = '';
  for (let at = 0; at < octets.length;) {
    const length = characterAt(octets, at);
    const character = length === 0 ? '' : octets.toString('utf8', at, at + length);
    if (length === 0 || character < ' ' || character === '\x7f') text += `\\x${octets[at]!.toString(16).padStart(2, '0')}`;
    else text += character === '\\' ? '\\\\' : character;
    at += Math.max(1, length);
  }
  return text;
}

/** How many octets the UTF-8 character at `at` has; 0 if there is none. */
function characterAt(octets: Buffer, at: number): number {
  const first = octets[at]!;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  const octetsOfIt = octets.subarray(at, at + length);
  return Buffer.from(octetsOfIt.toString('utf8')).equals(octetsOfIt) ? length : 0;
}

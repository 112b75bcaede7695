// SPDX-License-Identifier: Apache-2.0
// PEM, the strict form of RFC 7468: one label, base64 in lines, nothing else between the two boundaries.
import { Refused } from '@strongroom/bytes';

export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'PUBLIC KEY';

/** No chain or request that anyone uses comes near this. */
const TEXT_CHARACTERS_MAX = 262_144;
const BASE64_LINE = 64;

/** One PEM block, LF line ends. */
export function pemEncode(label: PemLabel, der: Buffer): string {
  const lines = der.toString('base64').match(new RegExp(`.{1,${BASE64_LINE}}`, 'g')) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/**
 * Every block of this label, in order, as DER. Text before, between and after the blocks is allowed, since `openssl`
 * writes some. `NEW CERTIFICATE REQUEST` counts as `CERTIFICATE REQUEST`. Throws `Refused`: `pem.too-long`,
 * `pem.none` (no such block), `pem.base64`.
 */
export function pemDecode(label: PemLabel, text: string): Buffer[] {
  if (text.length > TEXT_CHARACTERS_MAX) {
    throw new Refused('pem.too-long', `a PEM text has ${text.length} characters`, { why: `the limit is ${TEXT_CHARACTERS_MAX}` });
  }
  const blocks = [...text.matchAll(boundaries(label))].map((match) => decode(match[1] ?? '', label));
  if (blocks.length > 0) return blocks;
  throw new Refused('pem.none', `there is no ${label} in the PEM text`, {
    why: `"-----BEGIN ${label}-----" and its end were not found`,
    fix: 'give a PEM file of that kind',
  });
}

function boundaries(label: PemLabel): RegExp {
  const name = label === 'CERTIFICATE REQUEST' ? '(?:NEW )?CERTIFICATE REQUEST' : label;
  return new RegExp(`-----BEGIN ${name}-----([^-]*)-----END ${name}-----`, 'g');
}

function decode(base64: string, label: PemLabel): Buffer {
  const compact = base64.replace(/[ \t\r\n]/g, '');
  const bytes = Buffer.from(compact, 'base64');
  if (bytes.length > 0 && bytes.toString('base64') === compact) return bytes;
  throw new Refused('pem.base64', `a ${label} block is not base64`, { fix: 'copy the file whole and unaltered' });
}

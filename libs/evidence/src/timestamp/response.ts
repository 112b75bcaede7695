// SPDX-License-Identifier: Apache-2.0
// RFC 3161 section 2.4.2:
//   TimeStampResp ::= SEQUENCE { PKIStatusInfo, TimeStampToken OPTIONAL }
//   PKIStatusInfo ::= SEQUENCE { status INTEGER, PKIFreeText OPTIONAL, failInfo BIT STRING OPTIONAL }
import { derTag, derWhole, type DerReader } from '@strongroom/bytes';
import { refused } from './refusal.ts';

/** A token with a chain of four RSA 4096 certificates takes about 8 KiB. */
export const TIMESTAMP_BYTES_MAX = 64 * 1024;
const TEXT_CHARACTERS_MAX = 300;
/** PKIStatus: granted, grantedWithMods. */
const GRANTED = new Set([0n, 1n]);
const FAILURES: Readonly<Record<number, string>> = {
  0: 'unknown algorithm', 2: 'bad request', 5: 'bad data format', 14: 'time source not available', 15: 'unaccepted policy',
  16: 'unaccepted extension', 17: 'additional information not available', 25: 'system failure',
};

/** The token in a response. Throws `Refused`: `timestamp.too-long`, `timestamp.denied` (the authority gave none), `timestamp.format`, `der.*`. */
export function tokenIn(response: Buffer): Buffer {
  if (response.length > TIMESTAMP_BYTES_MAX) throw refused('too-long', `a timestamp has ${response.length} octets`, `the limit is ${TIMESTAMP_BYTES_MAX}`);
  const outer = derWhole(response);
  checkStatus(outer.enter(derTag.sequence));
  if (outer.next === undefined) throw refused('format', 'the response says granted and holds no token');
  const token = outer.whole(derTag.sequence);
  outer.end();
  return token;
}

function checkStatus(info: DerReader): void {
  const status = info.integer();
  const text = info.next === derTag.sequence ? freeText(info.enter(derTag.sequence)) : '';
  const failures = info.next === derTag.bitString ? info.namedBits() : [];
  info.end();
  if (GRANTED.has(status)) return;
  const reasons = failures.map((bit) => FAILURES[bit] ?? `failure ${bit}`);
  throw refused('denied', 'the time stamping authority gave no token', [`status ${status}`, ...reasons, text].filter(Boolean).join(', '));
}

function freeText(texts: DerReader): string {
  const parts: string[] = [];
  while (texts.next !== undefined) parts.push(texts.content(derTag.utf8String).toString('utf8'));
  return parts.join(' ').slice(0, TEXT_CHARACTERS_MAX);
}

// SPDX-License-Identifier: Apache-2.0
// What a token says, RFC 3161 section 2.4.2:
//   TSTInfo  ::= SEQUENCE { version INTEGER 1, policy OID, MessageImprint, serialNumber INTEGER, genTime GeneralizedTime,
//                           Accuracy OPTIONAL, ordering BOOLEAN DEFAULT FALSE, nonce INTEGER OPTIONAL,
//                           tsa [0] GeneralName OPTIONAL, [1] extensions OPTIONAL }
//   Accuracy ::= SEQUENCE { seconds INTEGER OPTIONAL, millis [0] INTEGER OPTIONAL, micros [1] INTEGER OPTIONAL }
import { derContextTag, derTag, derWhole, type DerReader } from '@strongroom/bytes';
import { readDigest, type Digest } from './algorithms.ts';
import { refused } from './refusal.ts';

const SECOND_NS = 1_000_000_000n;
/** A clock that is off by more than a year says nothing. */
const ACCURACY_SECONDS_MAX = 31_536_000n;
const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9}))?Z$/;

export interface TokenInfo {
  readonly policy: string;
  readonly imprint: { readonly digest: Digest; readonly value: Buffer };
  readonly serial: bigint;
  /** Nanoseconds since 1970, UTC. */
  readonly time: bigint;
  /** How far that may be off; null when the token does not say. */
  readonly accuracyNs: bigint | null;
  readonly nonce: bigint | null;
}

/** Throws `Refused`: `timestamp.format`, `timestamp.algorithm`, `timestamp.extension`, `der.*`. */
export function readTokenInfo(bytes: Buffer): TokenInfo {
  const info = derWhole(bytes);
  const version = info.integer();
  if (version !== 1n) throw refused('format', `the token has version ${version}`, 'RFC 3161 knows 1 only');
  const policy = info.oid();
  const imprint = readImprint(info.enter(derTag.sequence));
  const serial = info.integer();
  const time = readTime(info.content(derTag.generalizedTime));
  const accuracyNs = info.next === derTag.sequence ? readAccuracy(info.enter(derTag.sequence)) : null;
  if (info.next === derTag.boolean) info.boolean();
  const nonce = info.next === derTag.integer ? info.integer() : null;
  // What the token calls its authority is not looked at: the certificate says who signed.
  if (info.next === derContextTag(0, true)) info.any();
  if (info.next === derContextTag(1, true)) checkExtensions(info.enter(derContextTag(1, true)));
  info.end();
  return { policy, imprint, serial, time, accuracyNs, nonce };
}

function readImprint(imprint: DerReader): TokenInfo['imprint'] {
  const digest = readDigest(imprint.enter(derTag.sequence));
  const value = imprint.octetString();
  imprint.end();
  return { digest, value };
}

/** UTC, to the nanosecond at most; a date that is none is refused. */
function readTime(content: Buffer): bigint {
  const text = content.toString('latin1');
  const [, year, month, day, hour, minute, second, fraction = ''] = TIME.exec(text) ?? [];
  const written = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const ms = Date.parse(written);
  if (year === undefined || Number.isNaN(ms) || ms < 0 || new Date(ms).toISOString() !== written) throw refused('format', 'the time in the token is none', `it says ${JSON.stringify(text.slice(0, 40))}`);
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function readAccuracy(accuracy: DerReader): bigint {
  const part = (tag: number, least: bigint, most: bigint): bigint => {
    if (accuracy.next !== tag) return 0n;
    const number = accuracy.integer(tag);
    if (number < least || number > most) throw refused('format', 'the accuracy in the token is none', `${number} is not from ${least} to ${most}`);
    return number;
  };
  const seconds = part(derTag.integer, 0n, ACCURACY_SECONDS_MAX);
  const millis = part(derContextTag(0, false), 1n, 999n);
  const micros = part(derContextTag(1, false), 1n, 999n);
  accuracy.end();
  return seconds * SECOND_NS + millis * 1_000_000n + micros * 1000n;
}

/** None is known here, so a critical one says that the token means something else than we read in it. */
function checkExtensions(extensions: DerReader): void {
  while (extensions.next !== undefined) {
    const extension = extensions.enter(derTag.sequence);
    const oid = extension.oid();
    if (extension.next === derTag.boolean && extension.boolean()) throw refused('extension', `the token has the critical extension ${oid}`, 'it is not known here');
    extension.octetString();
    extension.end();
  }
}

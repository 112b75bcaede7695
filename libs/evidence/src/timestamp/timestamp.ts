// SPDX-License-Identifier: Apache-2.0
// RFC 3161 timestamps, verified offline. Everything that a response says is checked before any of it is believed.
import { hash } from 'node:crypto';
import { nameOf } from './certificate.ts';
import { verifyChain, type TimestampTrust } from './chain.ts';
import { refused } from './refusal.ts';
import { tokenIn } from './response.ts';
import { readSignedData } from './signed-data.ts';
import { verifySigner } from './signer.ts';
import { readTokenInfo } from './token-info.ts';

/** What a timestamp says, once it is verified: the stamped octets existed then. */
export interface Timestamp {
  /** Nanoseconds since 1970, UTC, by the authority's clock. */
  readonly time: bigint;
  /** How far that clock may be off; null when the authority does not say. */
  readonly accuracyNs: bigint | null;
  /** Who says so: CN of the certificate that signed. */
  readonly authority: string;
  /** The token's number at its authority, decimal. */
  readonly serial: string;
  /** Object identifier of the policy under which it was made. */
  readonly policy: string;
}

/** What a response that was just asked for must repeat. */
export interface Asked {
  readonly nonce: bigint;
  readonly policy?: string | undefined;
}

/**
 * Verifies a TimeStampResp, DER, over `stamped`. Certificates must have been valid at the token's time; whether they were
 * revoked is not asked, and the time itself is the authority's word.
 * Throws `Refused`: `timestamp.*` as in `TimestampRefusal`, `der.*`.
 */
export function verifyTimestamp(response: Buffer, stamped: Buffer, trust: TimestampTrust, asked?: Asked): Timestamp {
  const data = readSignedData(tokenIn(response));
  const certificate = verifySigner(data);
  const info = readTokenInfo(data.content);
  const { digest, value } = info.imprint;
  if (!value.equals(hash(digest, stamped, 'buffer'))) throw refused('imprint', 'the timestamp is of something else', 'its imprint is not the digest of what is here');
  if (asked !== undefined) checkAsked(info, asked);
  verifyChain(certificate, data.certificates, trust, Number(info.time / 1_000_000n));
  return { time: info.time, accuracyNs: info.accuracyNs, authority: nameOf(certificate), serial: info.serial.toString(), policy: info.policy };
}

function checkAsked(info: { readonly nonce: bigint | null; readonly policy: string }, { nonce, policy }: Asked): void {
  if (info.nonce !== nonce) throw refused('nonce', 'the timestamp answers another request', info.nonce === null ? 'it repeats no nonce' : 'it repeats another nonce');
  if (policy !== undefined && info.policy !== policy) throw refused('policy', 'the timestamp was made under another policy', `${policy} was asked for, it says ${info.policy}`);
}

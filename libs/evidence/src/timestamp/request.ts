// SPDX-License-Identifier: Apache-2.0
// RFC 3161 section 2.4.1:
//   TimeStampReq   ::= SEQUENCE { version INTEGER 1, MessageImprint, reqPolicy OID OPTIONAL, nonce INTEGER OPTIONAL,
//                                 certReq BOOLEAN DEFAULT FALSE, [0] extensions OPTIONAL }
//   MessageImprint ::= SEQUENCE { AlgorithmIdentifier, OCTET STRING }
import { derBoolean, derInteger, derNull, derOctetString, derOid, derSequence } from '@strongroom/bytes';
import { OID } from './object-identifiers.table.ts';

export interface TimestampRequest {
  /** SHA-256 of what shall be stamped. */
  readonly imprint: Buffer;
  /** Random; the answer must repeat it. */
  readonly nonce: bigint;
  /** Object identifier of the policy that the authority shall stamp under; its own default otherwise. */
  readonly policy?: string | undefined;
}

/** The request, DER. The authority's certificate is asked for: a token shall be checkable by itself. */
export function encodeTimestampRequest({ imprint, nonce, policy }: TimestampRequest): Buffer {
  return derSequence(
    derInteger(1),
    derSequence(derSequence(derOid(OID.sha256), derNull()), derOctetString(imprint)),
    ...(policy === undefined ? [] : [derOid(policy)]),
    derInteger(nonce),
    derBoolean(true),
  );
}

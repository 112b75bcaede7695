// SPDX-License-Identifier: Apache-2.0
// Certificate extensions, RFC 5280 section 4.2.1: Extension ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING }.
import { der, derBoolean, derContextTag, derInteger, derNamedBits, derOctetString, derOid, derSequence } from '@strongroom/bytes';
import { generalNames, type AlternativeNames } from './names.ts';
import { OID } from './object-identifiers.table.ts';

export type Usage = 'client' | 'server';

/** Bits of KeyUsage. */
const DIGITAL_SIGNATURE = 0;
const KEY_CERT_SIGN = 5;
const CRL_SIGN = 6;
const PURPOSES: Readonly<Record<Usage, string>> = { client: OID.clientAuth, server: OID.serverAuth };

/** What an end entity's certificate carries. `subjectKeyId` and `authorityKeyId` are 20 octets each. */
export function endEntityExtensions(names: AlternativeNames, usages: readonly Usage[], subjectKeyId: Buffer, authorityKeyId: Buffer): Buffer[] {
  return [
    extension(OID.basicConstraints, true, derSequence()),
    extension(OID.keyUsage, true, derNamedBits([DIGITAL_SIGNATURE])),
    extension(OID.extendedKeyUsage, false, derSequence(...usages.map((usage) => derOid(PURPOSES[usage])))),
    extension(OID.subjectAltName, false, generalNames(names)),
    extension(OID.subjectKeyIdentifier, false, derOctetString(subjectKeyId)),
    extension(OID.authorityKeyIdentifier, false, derSequence(der(derContextTag(0, false), authorityKeyId))),
  ];
}

/** What an authority's own certificate carries. `pathLength`: how many authorities may stand between it and an end entity. */
export function authorityExtensions(pathLength: number, subjectKeyId: Buffer): Buffer[] {
  return [
    extension(OID.basicConstraints, true, derSequence(derBoolean(true), derInteger(pathLength))),
    extension(OID.keyUsage, true, derNamedBits([KEY_CERT_SIGN, CRL_SIGN])),
    extension(OID.subjectKeyIdentifier, false, derOctetString(subjectKeyId)),
  ];
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return derSequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
}

// SPDX-License-Identifier: Apache-2.0
// Names in certificates: distinguished names (X.501) and subject alternative names (RFC 5280 section 4.2.1.6).
import { Refused, der, derContextTag, derOid, derSequence, derSet, derUtf8 } from '@strongroom/bytes';
import { addressOctets } from './ip-address.ts';
import { OID } from './object-identifiers.table.ts';

/** RFC 5280, appendix A.1: ub-common-name and ub-organization-name. */
const NAME_CHARACTERS_MAX = 64;
const NAMES_MAX = 256;
const URI = /^[a-z][a-z0-9+.-]*:\/\/[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]{1,2000}$/;
/** Host names as machines have them: underscores occur; wildcards are never issued. */
const DNS_LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

export interface AlternativeNames {
  readonly uris: readonly string[];
  readonly dns: readonly string[];
  /** IPv4 or IPv6 in text. */
  readonly ips: readonly string[];
}

/** Name ::= SEQUENCE OF RelativeDistinguishedName. Each part is cut to the 64 characters that RFC 5280 allows. */
export function distinguishedName(parts: { readonly organization?: string; readonly commonName: string }): Buffer {
  const organization = parts.organization === undefined ? [] : [relativeName(OID.organization, parts.organization)];
  return derSequence(...organization, relativeName(OID.commonName, parts.commonName));
}

function relativeName(oid: string, text: string): Buffer {
  return derSet(derSequence(derOid(oid), derUtf8(fitting(text))));
}

/** GeneralNames. Throws `Refused`: `name.uri`, `name.dns`, `name.ip`, `name.too-many`, `name.none`. */
export function generalNames(names: AlternativeNames): Buffer {
  const count = names.uris.length + names.dns.length + names.ips.length;
  if (count > NAMES_MAX) throw new Refused('name.too-many', `${count} names are asked for`, { why: `the limit is ${NAMES_MAX}` });
  if (count === 0) throw new Refused('name.none', 'a certificate needs a name', { fix: 'ask for a URI, a DNS name or an address' });
  return derSequence(
    ...names.uris.map((uri) => generalName(6, Buffer.from(checkUri(uri), 'latin1'))),
    ...names.dns.map((name) => generalName(2, Buffer.from(checkDns(name), 'latin1'))),
    ...names.ips.map((ip) => generalName(7, addressOctets(ip))),
  );
}

function generalName(number: number, value: Buffer): Buffer {
  return der(derContextTag(number, false), value);
}

function fitting(text: string): string {
  if (text === '' || /\p{Cc}/u.test(text)) throw new Refused('name.common-name', 'a common name is empty or holds control characters');
  return [...text].slice(0, NAME_CHARACTERS_MAX).join('');
}

function checkUri(uri: string): string {
  if (URI.test(uri)) return uri;
  throw new Refused('name.uri', `"${uri.slice(0, 100)}" cannot stand in a certificate`, { why: 'it is not a plain absolute URI' });
}

function checkDns(name: string): string {
  if (name.length <= 253 && name.split('.').every((label) => DNS_LABEL.test(label))) return name;
  throw new Refused('name.dns', `"${name.slice(0, 100)}" cannot stand in a certificate`, {
    why: 'it is no host name: labels of 1 to 63 letters, digits, hyphens or underscores, 253 in all, no wildcard',
  });
}

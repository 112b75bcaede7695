// SPDX-License-Identifier: Apache-2.0
// PKCS#10, RFC 2986:
//   CertificationRequest     ::= SEQUENCE { CertificationRequestInfo, AlgorithmIdentifier, BIT STRING }
//   CertificationRequestInfo ::= SEQUENCE { version 0, subject Name, spki, [0] attributes }
import { sign, verify, type KeyObject, createPublicKey } from 'node:crypto';
import {
  Refused, der, derBitString, derContextTag, derInteger, derOid, derSequence, derTag, derWhole, type DerReader, Bug,
} from '@strongroom/bytes';
import { distinguishedName } from './names.ts';
import { OID } from './object-identifiers.table.ts';
import { pemDecode, pemEncode } from './pem.ts';
import { acceptPublicKey, type PublicKey } from './public-key.ts';

/** An RSA 8192 request with every attribute that tools add stays below. */
const REQUEST_OCTETS_MAX = 16_384;

/** Signature algorithms by object identifier: node:crypto's digest name (null: the algorithm hashes itself) and the kind of key. */
const ALGORITHMS: Readonly<Record<string, { readonly digest: string | null; readonly kind: 'ec' | 'rsa' | 'ed25519' }>> = {
  [OID.ecdsaWithSha256]: { digest: 'sha256', kind: 'ec' },
  [OID.ecdsaWithSha384]: { digest: 'sha384', kind: 'ec' },
  [OID.ecdsaWithSha512]: { digest: 'sha512', kind: 'ec' },
  [OID.rsaWithSha256]: { digest: 'sha256', kind: 'rsa' },
  [OID.rsaWithSha384]: { digest: 'sha384', kind: 'rsa' },
  [OID.rsaWithSha512]: { digest: 'sha512', kind: 'rsa' },
  [OID.ed25519]: { digest: null, kind: 'ed25519' },
};

/**
 * The public key of a PEM certificate signing request whose signature proves possession of the private key. Names and
 * attributes in it are not looked at: what a certificate says is decided by who issues it. Throws `Refused`: `pem.*`,
 * `der.*`, `key.*`, `csr.too-long`, `csr.many`, `csr.version`, `csr.algorithm`, `csr.signature`.
 */
export function readRequest(pem: string): PublicKey {
  const blocks = pemDecode('CERTIFICATE REQUEST', pem);
  if (blocks.length > 1) throw new Refused('csr.many', `the file holds ${blocks.length} requests`, { fix: 'give one at a time' });
  return readRequestDer(blocks[0]!);
}

/** As {@link readRequest}, from DER. */
export function readRequestDer(bytes: Buffer): PublicKey {
  if (bytes.length > REQUEST_OCTETS_MAX) {
    throw new Refused('csr.too-long', `a signing request has ${bytes.length} octets`, { why: `the limit is ${REQUEST_OCTETS_MAX}` });
  }
  const request = derWhole(bytes);
  const info = request.whole(derTag.sequence);
  const algorithm = readAlgorithm(request.enter(derTag.sequence));
  const signature = request.bitString();
  request.end();
  const key = readInfo(info);
  if (key.key.asymmetricKeyType !== algorithm.kind) throw invalid(`it is signed by ${algorithm.kind}, its key is ${key.name}`);
  if (!verify(algorithm.digest, info, key.key, signature)) throw invalid('the signature does not fit the key and the content');
  return key;
}

/** A PEM request for a key pair, signed with it: SHA-256 with ECDSA or RSA. The common name is cut to 64 characters. */
export function makeRequest(privateKey: KeyObject, commonName: string): string {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const info = derSequence(derInteger(0), distinguishedName({ commonName }), spki, der(derContextTag(0, true)));
  const signature = sign('sha256', info, privateKey);
  return pemEncode('CERTIFICATE REQUEST', derSequence(info, signatureAlgorithm(privateKey), derBitString(signature)));
}

function signatureAlgorithm(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'ec') return derSequence(derOid(OID.ecdsaWithSha256));
  if (key.asymmetricKeyType === 'rsa') return derSequence(derOid(OID.rsaWithSha256), der(derTag.null));
  throw new Bug('csr.algorithm', `requests are made with ECDSA or RSA, not with ${key.asymmetricKeyType}`);
}

function readInfo(bytes: Buffer): PublicKey {
  const info = derWhole(bytes);
  const version = info.integer();
  if (version !== 0n) throw new Refused('csr.version', `the signing request has version ${version}`, { why: 'PKCS#10 knows 0 only' });
  info.content(derTag.sequence);
  const spki = info.whole(derTag.sequence);
  // RFC 2986 makes the attributes mandatory though empty; some tools leave them out.
  if (info.next !== undefined) info.content(derContextTag(0, true));
  info.end();
  return acceptPublicKey(spki);
}

function readAlgorithm(reader: DerReader): { digest: string | null; kind: string } {
  const oid = reader.oid();
  if (reader.next === derTag.null && reader.content(derTag.null).length > 0) throw invalid('its algorithm has odd parameters');
  const algorithm = ALGORITHMS[oid];
  if (algorithm === undefined) {
    throw new Refused('csr.algorithm', `the signing request is signed with algorithm ${oid}`, {
      why: 'ECDSA, RSA (PKCS#1 v1.5) with SHA-256, SHA-384 or SHA-512, and Ed25519 are accepted',
      fix: 'sign the request with SHA-256',
    });
  }
  reader.end();
  return algorithm;
}

function invalid(why: string): Refused {
  return new Refused('csr.signature', 'the signing request does not prove that its sender holds the key', {
    why, fix: 'make the request again from the private key',
  });
}

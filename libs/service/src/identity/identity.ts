// SPDX-License-Identifier: Apache-2.0
// Who we are and who they are: certificates of the deployment's CA, and mutual TLS 1.3 over Unix sockets with them.
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { constants } from 'node:crypto';
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls';
import { Failed, Refused } from '@strongroom/bytes';
import type { IdentityPaths } from '../files/layout.ts';

export interface Identity {
  /** SPIFFE ID in the certificate. */
  readonly id: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly keyHash: string;
  readonly notAfter: Date;
}

/** Loads a service's or operator's identity. Throws `Failed('identity.unreadable')` or `Refused('identity.no-spiffe')`. */
export function loadIdentity(paths: IdentityPaths, caFile: string): Identity {
  const certificatePem = readPem(paths.certificate);
  const certificate = new X509Certificate(certificatePem);
  return {
    id: spiffeOf(certificate), certificatePem, keyPem: readPem(paths.key), caPem: readPem(caFile),
    keyHash: keyHashOf(certificate), notAfter: new Date(certificate.validTo),
  };
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Failed('identity.unreadable', `${path} cannot be read`, {
      why: (error as Error).message, fix: 'start Strongroom first, as the same user or as root', cause: error,
    });
  }
}

/** Options for a server on a Unix socket that takes only peers of our CA. Check who it is with {@link peerSpiffe}. */
export function tlsServerOptions(identity: Identity): TlsOptions {
  return {
    ...material(identity), requestCert: true, rejectUnauthorized: true,
    // Both ends are ours and read on; no resumption means that every connection shows its certificate.
    secureOptions: constants.SSL_OP_NO_TICKET, sessionTimeout: 1,
  };
}

/** Options for a client on a Unix socket that will talk to exactly one SPIFFE ID. Add `path`. */
export function tlsClientOptions(identity: Identity, expected: string): ConnectionOptions {
  return {
    ...material(identity), rejectUnauthorized: true,
    checkServerIdentity: (_host, peer) => expectId(new X509Certificate(peer.raw), expected),
  };
}

function material(identity: Identity) {
  return {
    cert: identity.certificatePem, key: identity.keyPem, ca: identity.caPem,
    minVersion: 'TLSv1.3' as const, maxVersion: 'TLSv1.3' as const,
  };
}

function expectId(certificate: X509Certificate, expected: string): Error | undefined {
  try {
    const id = spiffeOf(certificate);
    if (id === expected) return undefined;
    return new Refused('identity.other', `the peer is ${id}`, { why: `${expected} was expected` });
  } catch (error) {
    return error as Error;
  }
}

/** The SPIFFE ID of a connected peer. Throws `Refused`: `identity.none`, `identity.no-spiffe`. */
export function peerSpiffe(socket: TLSSocket): string {
  return spiffeOf(peerCertificate(socket));
}

/** SHA-256, hexadecimal, of a connected peer's SubjectPublicKeyInfo. Throws `Refused('identity.none')`. */
export function peerKeyHash(socket: TLSSocket): string {
  return keyHashOf(peerCertificate(socket));
}

function peerCertificate(socket: TLSSocket): X509Certificate {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new Refused('identity.none', 'the peer showed no certificate');
  return certificate;
}

export function keyHashOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.publicKey.export({ type: 'spki', format: 'der' })).digest('hex');
}

/**
 * The one URI in a certificate's subject alternative names. Node prints names as `URI:…, DNS:…` and quotes a value that
 * could be mistaken for a separator, so a quoted one is refused. Throws `Refused('identity.no-spiffe')`.
 */
export function spiffeOf(certificate: X509Certificate): string {
  const names = (certificate.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  const uri = names[0]?.slice(4) ?? '';
  if (names.length === 1 && uri.startsWith('spiffe://') && !/["\\\s]/.test(uri)) return uri;
  throw new Refused('identity.no-spiffe', 'the certificate does not carry exactly one SPIFFE ID', {
    why: `its names are ${(certificate.subjectAltName ?? 'none').slice(0, 300)}`,
    fix: 'use a certificate that "strongroom enrol" made',
  });
}

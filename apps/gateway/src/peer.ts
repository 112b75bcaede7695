// SPDX-License-Identifier: Apache-2.0
// Who a producer is. OpenSSL has checked the chain and its times; here the rest is checked, and every refusal is told
// apart, because "TLS does not work" is what an operator has to hear least of all.
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Refused } from '@strongroom/bytes';
import { keyHashOf, parseSpiffe, spiffeOf, standing, type Fields, type Registry } from '@strongroom/service';
import type { EventName } from './events.ts';

const CLIENT_AUTHENTICATION = '1.3.6.1.5.5.7.3.2';

/** An enrolled producer at the other end of a connection. */
export interface Identified {
  readonly name: string;
  /** SPIFFE ID. */
  readonly id: string;
  /** SHA-256 of its SubjectPublicKeyInfo. */
  readonly keyHash: Buffer;
}

export interface RefusedPeer {
  readonly event: EventName;
  readonly fields: Fields;
}

type RefusalEvent = Extract<EventName, `gateway.${'no-certificate' | `certificate-${string}` | 'source-not-enrolled'}`>;

const BY_OPENSSL: Readonly<Record<string, RefusalEvent>> = {
  CERT_HAS_EXPIRED: 'gateway.certificate-expired',
  CERT_NOT_YET_VALID: 'gateway.certificate-not-yet-valid',
  SELF_SIGNED_CERT_IN_CHAIN: 'gateway.certificate-foreign',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'gateway.certificate-foreign',
  UNABLE_TO_GET_ISSUER_CERT: 'gateway.certificate-foreign',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'gateway.certificate-foreign',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'gateway.certificate-foreign',
  CERT_SIGNATURE_FAILURE: 'gateway.certificate-foreign',
  INVALID_PURPOSE: 'gateway.certificate-wrong-purpose',
};

const ADVICE: Partial<Record<EventName, string>> = {
  'gateway.no-certificate': 'give the producer the certificate that "strongroom enrol" made',
  'gateway.certificate-expired': 'enrol the producer again; if the certificate is new, compare the clocks of both machines',
  'gateway.certificate-not-yet-valid': 'compare the clocks of both machines with a reference',
  'gateway.certificate-foreign': 'use a certificate of this deployment, sent with its intermediates, or name its CA in gateway.tls.clientCa',
  'gateway.certificate-wrong-purpose': 'use a certificate for TLS client authentication',
  'gateway.certificate-wrong-name': 'use a certificate that "strongroom enrol" made',
  'gateway.certificate-revoked': 'enrol the producer again if it may send',
  'gateway.certificate-replaced': 'the name was enrolled again with another key: use that certificate',
  'gateway.source-not-enrolled': 'enrol the producer with "strongroom enrol"',
};

/** The producer behind a finished handshake, or the event that says why it is none. */
export function identify(socket: TLSSocket, deployment: string, registry: Registry, now = new Date()): Identified | RefusedPeer {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return refuse('gateway.no-certificate', undefined, 'it showed no certificate', now);
  const verified = verify(socket, certificate, now);
  if (verified !== undefined) return verified;
  if (!(certificate.keyUsage ?? []).includes(CLIENT_AUTHENTICATION)) {
    return refuse('gateway.certificate-wrong-purpose', certificate, 'it is not for TLS client authentication', now);
  }
  return enrolled(certificate, deployment, registry, now);
}

function verify(socket: TLSSocket, certificate: X509Certificate, now: Date): RefusedPeer | undefined {
  if (socket.authorizationError !== undefined && socket.authorizationError !== null) {
    const code = String(socket.authorizationError);
    return refuse(BY_OPENSSL[code] ?? 'gateway.certificate-invalid', certificate, code, now);
  }
  if (!socket.authorized) return refuse('gateway.certificate-invalid', certificate, 'it was not verified', now);
  // A resumed session was verified when it was new.
  if (new Date(certificate.validTo) <= now) return refuse('gateway.certificate-expired', certificate, 'CERT_HAS_EXPIRED', now);
  return undefined;
}

function enrolled(certificate: X509Certificate, deployment: string, registry: Registry, now: Date): Identified | RefusedPeer {
  let id: string;
  let name: string;
  try {
    id = spiffeOf(certificate);
    const parts = parseSpiffe(id);
    if (parts.role !== 'source' || parts.deployment !== deployment) {
      throw new Refused('peer.other-role', `${id} is no source of this deployment`);
    }
    name = parts.name;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return refuse('gateway.certificate-wrong-name', certificate, error.why === undefined ? error.message : `${error.message}: ${error.why}`, now);
  }
  const keyHash = keyHashOf(certificate);
  switch (standing(registry, id, keyHash)) {
    case 'enrolled': return { name, id, keyHash: Buffer.from(keyHash, 'hex') };
    case 'revoked': return refuse('gateway.certificate-revoked', certificate, `${id} is revoked`, now);
    case 'other-key': return refuse('gateway.certificate-replaced', certificate, `${id} is enrolled with another key`, now);
    case 'unknown': return refuse('gateway.source-not-enrolled', certificate, `${id} is not enrolled`, now);
  }
}

function refuse(event: RefusalEvent, certificate: X509Certificate | undefined, why: string, now: Date): RefusedPeer {
  const fix = ADVICE[event];
  const shown = certificate === undefined ? {} : {
    subject: certificate.subject ?? '', names: certificate.subjectAltName ?? '', issuer: certificate.issuer ?? '', serial: certificate.serialNumber,
    notBefore: isoTime(certificate.validFrom), notAfter: isoTime(certificate.validTo),
    // Whatever else the certificate says, the peer has this key.
    keyHash: keyHashOr(certificate),
  };
  return { event, fields: { why, ...(fix === undefined ? {} : { fix }), ...shown, now: now.toISOString() } };
}

/** Of a certificate that nobody vouches for: it may have a key that only OpenSSL can read. */
function keyHashOr(certificate: X509Certificate): string | null {
  try {
    return keyHashOf(certificate);
  } catch {
    return null;
  }
}

function isoTime(text: string): string {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

// SPDX-License-Identifier: Apache-2.0
// Handshakes that did not come to an end, told apart by the codes that Node and OpenSSL give.
import type { RefusedPeer } from './peer.ts';
import type { EventName } from './events.ts';

const PATTERNS: readonly (readonly [RegExp, EventName, string])[] = [
  [/^ERR_TLS_HANDSHAKE_TIMEOUT$/, 'gateway.handshake-timeout', 'check that the producer speaks TLS to this port'],
  [/^ERR_SSL_(UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|TLSV1_ALERT_PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE|NO_SHARED_CIPHER)$/, 'gateway.protocol-version', 'the producer must be able to speak TLS 1.3'],
  [/^ERR_SSL_(HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE|RECORD_LAYER_FAILURE|BAD_RECORD_TYPE|INVALID_RECORD_TYPE)$/, 'gateway.not-tls', 'set the producer to TLS, or to the plain port if that is what is meant'],
  [/^ERR_SSL_.*ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|CERTIFICATE_REVOKED|UNSUPPORTED_CERTIFICATE)$/, 'gateway.certificate-refused-by-peer', "give the producer the deployment's ca.pem, and address us by a name in our certificate"],
];

/** The event for a handshake that failed; undefined when the peer only went away, as port scans and health checks do. */
export function failedHandshake(error: NodeJS.ErrnoException): RefusedPeer | undefined {
  const code = error.code ?? '';
  if (code === 'ECONNRESET' || code === 'EPIPE') return undefined;
  const known = PATTERNS.find(([pattern]) => pattern.test(code));
  if (known === undefined) return { event: 'gateway.handshake-failed', fields: { why: code === '' ? error.message : code } };
  return { event: known[1], fields: { why: code, fix: known[2] } };
}

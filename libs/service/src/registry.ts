// SPDX-License-Identifier: Apache-2.0
// Who is enrolled: state/registry.json, written by the supervisor alone and sent to every service when it changes.

/** One enrolled identity. Times are ISO 8601, UTC. */
export interface Enrolment {
  /** SPIFFE ID. */
  readonly id: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly keyHash: string;
  /** Serial number of the certificate, hexadecimal. */
  readonly serial: string;
  readonly enrolledAt: string;
  readonly notAfter: string;
  readonly revokedAt: string | null;
  /** Why it was revoked. */
  readonly reason?: string;
}

/** Keys are names: the last part of the SPIFFE ID. */
export interface Registry {
  readonly sources: Readonly<Record<string, Enrolment>>;
  readonly readers: Readonly<Record<string, Enrolment>>;
}

export const EMPTY_REGISTRY: Registry = Object.freeze({ sources: {}, readers: {} });

/** What the registry says of an identity that shows a certificate. */
export type Standing = 'enrolled' | 'unknown' | 'revoked' | 'other-key';

/**
 * Whether a peer with this SPIFFE ID and key may act. `other-key`: the name is enrolled with another key, because it was
 * enrolled again: the older certificate no longer counts.
 */
export function standing(registry: Registry, id: string, keyHash: string): Standing {
  const name = id.slice(id.lastIndexOf('/') + 1);
  const entries = id.includes('/reader/') ? registry.readers : registry.sources;
  const found = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (found === undefined || found.id !== id) return 'unknown';
  if (found.revokedAt !== null) return 'revoked';
  return found.keyHash === keyHash ? 'enrolled' : 'other-key';
}

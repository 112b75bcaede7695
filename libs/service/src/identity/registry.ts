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
  /** Who may approve orders. */
  readonly custodians: Readonly<Record<string, Enrolment>>;
}

/** The part of the registry that each role is entered in. */
export const REGISTRY_PART = { source: 'sources', reader: 'readers', custodian: 'custodians' } as const;
export type EnrolledRole = keyof typeof REGISTRY_PART;

export function isEnrolledRole(role: unknown): role is EnrolledRole {
  return typeof role === 'string' && Object.hasOwn(REGISTRY_PART, role);
}

export const EMPTY_REGISTRY: Registry = Object.freeze({ sources: {}, readers: {}, custodians: {} });

/** What the registry says of an identity that shows a certificate. */
export type Standing = 'enrolled' | 'unknown' | 'revoked' | 'other-key';

/**
 * Whether a peer with this SPIFFE ID and key may act. `other-key`: the name is enrolled with another key, because it was
 * enrolled again: the older certificate no longer counts.
 */
export function standing(registry: Registry, id: string, keyHash: string): Standing {
  const found = enrolmentOf(registry, id);
  if (found === undefined) return 'unknown';
  if (found.revokedAt !== null) return 'revoked';
  return found.keyHash === keyHash ? 'enrolled' : 'other-key';
}

/** The enrolment of a SPIFFE ID, revoked or not. */
export function enrolmentOf(registry: Registry, id: string): Enrolment | undefined {
  const [, role, name = ''] = /\/(source|reader|custodian)\/([^/]+)$/.exec(id) ?? [];
  const entries = isEnrolledRole(role) ? registry[REGISTRY_PART[role]] : {};
  const found = Object.hasOwn(entries, name) ? entries[name] : undefined;
  return found?.id === id ? found : undefined;
}

/**
 * Whether a custodian's approval counts for something drawn up at `since` (ms): enrolled with this key by then, and not
 * revoked. Who is enrolled for the occasion has no say in it.
 */
export function mayApprove(registry: Registry, { id, keyHash }: { readonly id: string; readonly keyHash: string }, sinceMs: number): boolean {
  const found = standing(registry, id, keyHash) === 'enrolled' ? enrolmentOf(registry, id) : undefined;
  return found !== undefined && id.includes('/custodian/') && Date.parse(found.enrolledAt) <= sinceMs;
}

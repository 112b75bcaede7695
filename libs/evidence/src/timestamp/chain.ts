// SPDX-License-Identifier: Apache-2.0
// From the certificate that signed to one of the roots that the operator chose.
import { checkStampsTime, hasIssued, isSelfIssued, isValidAt, nameOf, readCertificate, type Certificate } from './certificate.ts';
import { refused } from './refusal.ts';

/** Certificates above the signer's, the root's included. */
const DEPTH_MAX = 8;
const ROOTS_MAX = 64;

/** Whom to believe. */
export interface TimestampTrust {
  readonly roots: readonly Certificate[];
  /** Authorities that came with the roots and are no roots themselves. */
  readonly others: readonly Certificate[];
}

/**
 * From certificates, DER. As with OpenSSL's `-CAfile`, roots are those that issued themselves; the others help to get
 * there. Throws `Refused`: `timestamp.roots` (there is none, or too many), `timestamp.format`, `der.*`.
 */
export function timestampTrust(certificates: readonly Buffer[]): TimestampTrust {
  if (certificates.length > ROOTS_MAX) throw refused('roots', `${certificates.length} certificates are given as roots`, `the limit is ${ROOTS_MAX}`, 'name those of your time stamping authority alone');
  const all = certificates.map(readCertificate);
  const roots = all.filter((one) => isSelfIssued(one) && hasIssued(one, one, 0));
  if (roots.length === 0) throw refused('roots', 'there is no root certificate', 'none of the certificates given issued itself', 'name the root of the time stamping authority, in PEM');
  return { roots, others: all.filter((one) => !roots.includes(one)) };
}

/**
 * Throws `Refused`: `timestamp.usage`, `timestamp.untrusted` (no way leads to a root), `timestamp.expired` (one does, through
 * a certificate that was not valid at that time).
 */
export function verifyChain(signer: Certificate, carried: readonly Certificate[], { roots, others }: TimestampTrust, timeMs: number): void {
  checkStampsTime(signer);
  const candidates = [...roots, ...others, ...carried];
  const valid = candidates.filter((one) => isValidAt(one, timeMs));
  if (isValidAt(signer, timeMs) && leadsToRoot(signer, valid, roots)) return;
  const at = new Date(timeMs).toISOString();
  if (leadsToRoot(signer, candidates, roots)) throw refused('expired', 'a certificate was not valid when the token was made', `${nameOf(signer)}, or an authority above it, was not valid at ${at}`);
  throw refused('untrusted', `${nameOf(signer)} is not trusted`, `its issuers lead to none of the ${roots.length} roots given`, 'if this is your authority, give its root certificate');
}

/** Each candidate is tried once, at the least depth at which it is met. */
function leadsToRoot(signer: Certificate, candidates: readonly Certificate[], roots: readonly Certificate[]): boolean {
  const left = new Set(candidates);
  let level: Certificate[] = [signer];
  for (let depth = 0; depth < DEPTH_MAX && level.length > 0; depth += 1) {
    const above: Certificate[] = [];
    for (const candidate of left) {
      if (!level.some((below) => hasIssued(candidate, below, depth))) continue;
      if (roots.includes(candidate)) return true;
      left.delete(candidate);
      above.push(candidate);
    }
    level = above;
  }
  return false;
}

// SPDX-License-Identifier: Apache-2.0
// The enrolment itself: the supervisor has the CA issue a certificate and enters its holder.
import { X509Certificate } from 'node:crypto';
import { Failed, Refused } from '@strongroom/bytes';
import type { Listener, RpcClient } from '@strongroom/service/client';
import type { ServerNames } from './target.ts';

export interface EnrolOrder {
  readonly name: string;
  readonly role: string;
  readonly csrPem: string;
  readonly days: number;
  /** Whether an enrolment of that name may end with this. */
  readonly replace: boolean;
}

/** The supervisor's answer. */
export interface Enrolled {
  readonly id: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly keyHash: string;
  readonly serial: string;
  readonly notAfter: string;
  /** The certificate and its intermediates. */
  readonly certPem: string;
  readonly caPem: string;
  readonly listeners: readonly Listener[];
  readonly serverNames: ServerNames;
}

/** `spki`: the key that the certificate must carry. Throws what the supervisor throws, and `Failed('enrol.other-key')`. */
export async function orderEnrolment(client: RpcClient, order: EnrolOrder, spki: Buffer): Promise<Enrolled> {
  const enrolled = (await client.call('enrol', order).catch(withOurAdvice)) as Enrolled;
  // A certificate for another key would only be noticed on the source, much later.
  if (new X509Certificate(enrolled.certPem).publicKey.export({ type: 'spki', format: 'der' }).equals(spki)) return enrolled;
  throw new Failed('enrol.other-key', 'the certificate that was issued is for another key', {
    why: 'two enrolments crossed, or the CA is at fault', fix: 'repeat the command with --force',
  });
}

function withOurAdvice(error: unknown): never {
  if (!(error instanceof Refused) || error.code !== 'supervisor.enrolled') throw error;
  throw new Refused(error.code, error.message, {
    why: error.why ?? 'it was not revoked', fix: 'choose another name, or replace the enrolment with --force: its key then no longer counts', cause: error,
  });
}

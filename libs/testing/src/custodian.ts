// SPDX-License-Identifier: Apache-2.0
// Custodians as "strongroom enrol" makes them, for tests of orders.
import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { approve, type OrderFile } from '@strongroom/evidence';
import { custodianId, type Enrolment } from '@strongroom/service';
import { TestAuthority, type CertificateWishes } from './certificate-authority.ts';

export interface TestCustodian {
  readonly name: string;
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** As the registry has it. */
  readonly enrolment: Enrolment;
}

export async function makeCustodian(authority: TestAuthority, deployment: string, name: string, wishes: CertificateWishes = {}): Promise<TestCustodian> {
  const id = custodianId(deployment, name);
  const { certificatePem, keyPem, keyHash } = await authority.issue({ uris: [id], usages: ['client'], ...wishes });
  const certificate = new X509Certificate(certificatePem);
  const enrolment = { id, keyHash, serial: '1', enrolledAt: certificate.validFromDate.toISOString(), notAfter: certificate.validToDate.toISOString(), revokedAt: null };
  return { name, certificate, key: createPrivateKey(keyPem), certificatePem, keyPem, enrolment };
}

export interface TestCustody {
  readonly authority: TestAuthority;
  /** The authority's certificate, DER. */
  readonly ca: Buffer;
  readonly anna: TestCustodian;
  readonly bert: TestCustodian;
}

/** An authority of a deployment with two custodians. */
export async function makeCustody(deployment: string): Promise<TestCustody> {
  const authority = await TestAuthority.make();
  const [anna, bert] = [await makeCustodian(authority, deployment, 'anna'), await makeCustodian(authority, deployment, 'bert')];
  return { authority, ca: new X509Certificate(authority.certificatePem).raw, anna, bert };
}

/** The order with the approvals of these, one second after it was drawn up and each later. */
export function approvedBy(file: OrderFile, ...custodians: readonly TestCustodian[]): OrderFile {
  const approvals = custodians.map(({ certificate, key }, i) => approve(file.text, certificate, key, file.order.created + BigInt(i + 1) * 1_000_000_000n));
  return { ...file, approvals: [...file.approvals, ...approvals] };
}

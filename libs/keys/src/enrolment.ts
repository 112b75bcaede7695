// SPDX-License-Identifier: Apache-2.0
// What a producer is handed when it is enrolled: a certificate, its key unless it keeps that to itself, our CA's
// certificate, and configuration that can be used as it is.
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Refused } from '@strongroom/bytes';
import { rsyslogConfiguration, rsyslogRelpConfiguration } from './rsyslog-configuration.ts';
import { syslogNgConfiguration } from './syslog-ng-configuration.ts';

export type KeyKind = 'p256' | 'rsa4096';

export interface KeyPair {
  /** PKCS#8. */
  readonly privateKeyPem: string;
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
}

/** Where a producer shall send, and where its files will lie. */
export interface EnrolmentTarget {
  /** Name of the source, such as `web-01`. */
  readonly source: string;
  /** Host name or address that the producer connects to. */
  readonly address: string;
  /** Ports of syslog over TLS and of RELP over TLS. */
  readonly syslogPort: number;
  readonly relpPort: number;
  /**
   * The DNS name in the server's certificate by which producers know it. rsyslog matches DNS names only, never
   * addresses, so every server certificate must carry this one.
   */
  readonly serverName: string;
  /** Absolute path of the folder with the PEM files, on the producer. */
  readonly directory: string;
}

export interface EnrolmentMaterial {
  /** The producer's certificate and any intermediates. */
  readonly certificatePem: string;
  /** Absent when the producer made its own key and sent a signing request. */
  readonly privateKeyPem?: string | undefined;
  readonly caPem: string;
}

export interface EnrolmentFile {
  readonly name: string;
  readonly mode: number;
  readonly content: string;
}

const TARGET_TEXT = /^[A-Za-z0-9._:/+@%=,~ -]+$/;
const generate = promisify(generateKeyPair);

/** A new key pair: ECDSA P-256, or RSA 4096 for producers whose TLS library wants that. */
export async function makeKeyPair(kind: KeyKind = 'p256'): Promise<KeyPair> {
  const { publicKey, privateKey } = kind === 'rsa4096'
    ? await generate('rsa', { modulusLength: 4096 })
    : await generate('ec', { namedCurve: 'P-256' });
  return {
    privateKey,
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    spki: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

/** SubjectPublicKeyInfo (DER) of a private key in PEM. Throws `Refused('key.unreadable')`. */
export function publicKeyOf(privateKeyPem: string): Buffer {
  try {
    return createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' });
  } catch (error) {
    throw new Refused('key.unreadable', 'the private key cannot be read', { why: (error as Error).message, cause: error });
  }
}

/** The files of an enrolment. Throws `Refused('enrolment.text')` when a field could not stand in a configuration file. */
export function enrolmentFiles(target: EnrolmentTarget, material: EnrolmentMaterial): EnrolmentFile[] {
  for (const [field, value] of Object.entries(target)) checkText(field, String(value));
  const at = { ...target, ca: join(target.directory, 'ca.pem'), certificate: join(target.directory, 'cert.pem'), key: join(target.directory, 'key.pem') };
  const key = material.privateKeyPem === undefined ? [] : [{ name: 'key.pem', mode: 0o600, content: material.privateKeyPem }];
  return [
    { name: 'cert.pem', mode: 0o644, content: material.certificatePem },
    ...key,
    { name: 'ca.pem', mode: 0o644, content: material.caPem },
    { name: 'rsyslog.conf', mode: 0o644, content: rsyslogConfiguration(at) },
    { name: 'rsyslog-relp.conf', mode: 0o644, content: rsyslogRelpConfiguration(at) },
    { name: 'syslog-ng.conf', mode: 0o644, content: syslogNgConfiguration(at) },
  ];
}

/** Both configuration languages put these texts between double quotes, where a quote, a backslash or a `$` would act. */
function checkText(field: string, value: string): void {
  if (TARGET_TEXT.test(value)) return;
  throw new Refused('enrolment.text', `the ${field} "${value.slice(0, 200)}" cannot stand in a configuration file`, {
    why: 'letters, digits, spaces and . _ : / + @ % = , ~ - are possible', fix: `choose another ${field}`,
  });
}

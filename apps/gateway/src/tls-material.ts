// SPDX-License-Identifier: Apache-2.0
// What producers are shown, and what they must show: the server's certificate with its intermediates, its key, and the
// CA certificates that may issue producers' certificates.
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { Refused } from '@strongroom/bytes';
import type { ServiceContext } from '@strongroom/service';

export interface TlsMaterial {
  readonly options: SecureContextOptions;
  readonly notAfter: Date;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Loads and tries the whole set, so that no producer ever meets one that does not work. Throws
 * `Refused('gateway.tls-material')`. An expired certificate is for the caller to judge.
 */
export function loadTlsMaterial({ paths, config }: Pick<ServiceContext, 'paths' | 'config'>): TlsMaterial {
  const { certificate, key, clientCa } = config.gateway.tls;
  const files = { cert: certificate ?? paths.gatewayServerCertificate, key: key ?? paths.gatewayServerKey };
  const cert = read(files.cert);
  const keyPem = read(files.key);
  const ca = [paths.ca, ...(clientCa === undefined ? [] : [clientCa])].flatMap((path) => certificatesOf(path));
  return attempt(`${files.cert} and ${files.key} do not make a server`, () => {
    const leaf = new X509Certificate(cert);
    if (!leaf.checkPrivateKey(createPrivateKey(keyPem))) throw new Error('the key is not the one in the certificate');
    const options: SecureContextOptions = { cert, key: keyPem, ca, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' };
    createSecureContext(options);
    return { options, notAfter: new Date(leaf.validTo) };
  });
}

/** Each certificate by itself: Node reads only the first of a file that holds several. */
function certificatesOf(path: string): string[] {
  const found = read(path).match(PEM_CERTIFICATE) ?? [];
  return attempt(`${path} holds no usable CA certificates`, () => {
    if (found.length === 0) throw new Error('there is no PEM certificate in it');
    for (const one of found) void new X509Certificate(one);
    return found;
  });
}

function read(path: string): string {
  return attempt(`${path} cannot be read`, () => readFileSync(path, 'utf8'));
}

function attempt<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused('gateway.tls-material', what, {
      why: (error as Error).message, fix: 'correct the files that gateway.tls names, or remove the setting', cause: error,
    });
  }
}

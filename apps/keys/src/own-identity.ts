// SPDX-License-Identifier: Apache-2.0
// The key service's own certificate: it holds the CA, so it issues to itself.
import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadIdentity, serviceId, writeDurably, type Identity, type Layout } from '@strongroom/service';
import type { Hsm } from './hsm.ts';
import { checkRequest, issue } from './issue.ts';

const LIFE_DAYS = 90;
/** Renewed when less than this part of its life remains. */
const RENEW_AT = 1 / 3;

/**
 * Our certificate and key, made or renewed if need be. Throws `Failed('keys.hsm-away')` when one is needed and the HSM is
 * away. A crash between the two files leaves a pair that does not fit, which counts as none.
 */
export async function ownIdentity(hsm: Hsm, paths: Layout, deployment: string): Promise<{ readonly identity: Identity; readonly renewed: boolean }> {
  const files = paths.identity('keys');
  const ca = join(paths.keysToken, 'ca.pem');
  if (isGood(files.certificate, files.key, ca, serviceId(deployment, 'keys'))) return { identity: loadIdentity(files, ca), renewed: false };
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = checkRequest({
    spkiPem: publicKey.export({ type: 'spki', format: 'pem' }), uris: [serviceId(deployment, 'keys')], dns: [], ips: [],
    commonName: 'strongroom keys', usages: ['client', 'server'], notAfterDays: LIFE_DAYS,
  }, deployment);
  const { certPem } = await hsm.use((ring) => issue(ring, request));
  await writeDurably(files.key, privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);
  await writeDurably(files.certificate, certPem, 0o644);
  return { identity: loadIdentity(files, ca), renewed: true };
}

/** Whether there is a pair of our CA, for us, with enough of its life left. */
function isGood(certificateFile: string, keyFile: string, caFile: string, id: string): boolean {
  try {
    const certificate = new X509Certificate(readFileSync(certificateFile));
    const from = certificate.validFromDate.getTime();
    const to = certificate.validToDate.getTime();
    return certificate.verify(new X509Certificate(readFileSync(caFile)).publicKey) && certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))
      && certificate.subjectAltName === `URI:${id}` && to - Date.now() > (to - from) * RENEW_AT;
  } catch {
    return false;
  }
}

// SPDX-License-Identifier: Apache-2.0
// An authority, a server and a client for the systems that we compare with, issued by the code that enrols our producers.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sign } from 'node:crypto';
import { issueAuthority, issueCertificate, makeKeyPair, pemEncode, type Issuer } from '@strongroom/keys';

const DAY_MS = 86_400_000;

export interface PeerFiles {
  readonly ca: string;
  readonly server: { readonly certificate: string; readonly key: string };
  readonly client: { readonly certificate: string; readonly key: string };
}

/** Writes PEM files into a directory; ECDSA P-256 like ours, valid for a day. */
export async function writePeerFiles(directory: string): Promise<PeerFiles> {
  const { privateKey, spki } = await makeKeyPair();
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const signEcdsa: Issuer['sign'] = async (bytes) => sign('sha256', bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const certificate = await issueAuthority({ ...validity, spki, organization: 'bench', commonName: 'bench authority' }, signEcdsa);
  const ca = join(directory, 'ca.pem');
  writeFileSync(ca, pemEncode('CERTIFICATE', certificate));
  const leaf = async (name: string, usage: 'client' | 'server'): Promise<PeerFiles['client']> => {
    const pair = await makeKeyPair();
    const der = await issueCertificate(
      { ...validity, spki: pair.spki, commonName: name, usages: [usage], uris: [], dns: [name], ips: usage === 'server' ? ['127.0.0.1'] : [] },
      { certificate, sign: signEcdsa },
    );
    const files = { certificate: join(directory, `${usage}.pem`), key: join(directory, `${usage}-key.pem`) };
    writeFileSync(files.certificate, pemEncode('CERTIFICATE', der));
    writeFileSync(files.key, pair.privateKeyPem, { mode: 0o600 });
    return files;
  };
  return { ca, server: await leaf('localhost', 'server'), client: await leaf('bench-client.example.com', 'client') };
}

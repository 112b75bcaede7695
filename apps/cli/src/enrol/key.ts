// SPDX-License-Identifier: Apache-2.0
// The key of a new identity: made here, or only asked for by somebody who keeps it.
import { readFileSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';

const CSR_CHARACTERS_MAX = 262_144;

export interface NewKey {
  /** Signing request, PEM. */
  readonly csrPem: string;
  /** Undefined when the request came from elsewhere. */
  readonly privateKeyPem: string | undefined;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
}

/** `csr`: file with a request; `rsa`: bits instead of ECDSA P-256. Throws `Refused`: `usage.key`, `csr.*`, `pem.*`, `key.*`. */
export async function newKey(name: string, csr: string | undefined, rsa: string | undefined): Promise<NewKey> {
  const { makeKeyPair, makeRequest, readRequest } = await import('@strongroom/keys');
  if (csr === undefined) {
    const pair = await makeKeyPair(rsa === undefined ? 'p256' : 'rsa4096');
    return { csrPem: makeRequest(pair.privateKey, name), privateKeyPem: pair.privateKeyPem, spki: pair.spki };
  }
  if (rsa !== undefined) {
    throw new Refused('usage.key', '--rsa and --csr cannot go together', {
      why: 'with a signing request the key is made elsewhere', fix: 'leave one of them out',
    });
  }
  const csrPem = readFileSync(csr, 'latin1');
  if (csrPem.length > CSR_CHARACTERS_MAX) {
    throw new Refused('csr.too-long', `${csr} is too long for a signing request`, {
      why: `it has ${csrPem.length} octets, the limit is ${CSR_CHARACTERS_MAX}`, fix: 'name a file with one PEM signing request',
    });
  }
  return { csrPem, privateKeyPem: undefined, spki: readRequest(csrPem).spki };
}

// SPDX-License-Identifier: Apache-2.0
// The key that makes our cosignatures: in the HSM, through the key service, or in a file where there is no appliance.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { cosignerVkey, parseCosignerVkey, type NoteKey } from '@strongroom/evidence';
import { keyService } from '@strongroom/keys';
import { writeDurably } from '@strongroom/service';
import { Line, type LineContext } from '../line.ts';

export interface CosignerKey {
  readonly vkey: string;
  readonly key: NoteKey;
  /** Ed25519 over a cosignature/v1 text: 64 octets. */
  sign(message: Buffer): Promise<Buffer>;
}

/** Made inside the HSM at the first time. Throws `Failed` while the key service cannot be reached or its HSM is away. */
export async function hsmKey(context: LineContext, part: 'witness' | 'mirror'): Promise<CosignerKey> {
  const keys = keyService(new Line(context, context.paths.keysWitnessSocket, 'keys'));
  const vkey = cosignerVkey(`${context.deployment}/${part}`, await keys.witnessKey(part));
  return { vkey, key: parseCosignerVkey(vkey), sign: (message) => keys.signCosignature(part, message) };
}

/** Made at the first start, readable by its owner alone. Throws `Refused('witness.key')`. */
export async function fileKey(path: string, name: string): Promise<CosignerKey> {
  const pem = readKey(path) ?? generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  if (readKey(path) === null) await writeDurably(path, pem, 0o600);
  const secret = createPrivateKey(pem);
  if (secret.asymmetricKeyType !== 'ed25519') throw new Refused('witness.key', `${path} holds no Ed25519 key`, { why: `it is ${secret.asymmetricKeyType}`, fix: 'move it away: a new one is made' });
  const vkey = cosignerVkey(name, createPublicKey(secret).export({ type: 'spki', format: 'der' }));
  return { vkey, key: parseCosignerVkey(vkey), sign: async (message) => sign(null, message, secret) };
}

function readKey(path: string): string | null {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return null;
  if ((mode & 0o077) !== 0) throw new Refused('witness.key', `others may read ${path}`, { why: `its mode is ${(mode & 0o777).toString(8)}`, fix: `chmod 600 ${path}` });
  return readFileSync(path, 'utf8');
}

// SPDX-License-Identifier: Apache-2.0
// The keys with which this deployment vouches for the logs of others: one as witness ("I saw it grow"), one as mirror ("I
// keep it"), because an Ed25519 cosignature does not name its maker. They are made when they are first asked for.
import { randomBytes } from 'node:crypto';
import { Failed, Refused } from '@strongroom/bytes';
import { logNumber } from '@strongroom/evidence';
import type { Keyring } from './keyring.ts';

const PARTS = ['witness', 'mirror'] as const;
export type CosignerPart = (typeof PARTS)[number];

const OCTETS_MAX = 64 * 1024;
/** C2SP tlog-cosignature over a C2SP tlog-checkpoint, which may have extension lines. */
const COSIGNATURE = /^cosignature\/v1\ntime [1-9]\d{0,15}\n([^\n]{1,512})\n(?:0|[1-9]\d{0,15})\n[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n(?:[^\n]+\n)*$/;

/** Throws `Refused('keys.malformed')`. */
export function cosignerPart(text: string): CosignerPart {
  const part = PARTS.find((one) => one === text);
  if (part !== undefined) return part;
  throw new Refused('keys.malformed', `"${text.slice(0, 40)}" is no kind of cosigner`, { why: `they are ${PARTS.join(' and ')}` });
}

/** Vouching for our own log would be worth nothing and look like something. Throws `Refused`: `keys.not-a-cosignature`, `keys.own-log`. */
export function checkCosignature(message: Buffer, deployment: string): Buffer {
  const origin = message.length <= OCTETS_MAX ? COSIGNATURE.exec(message.toString('utf8'))?.[1] : undefined;
  if (origin === undefined) {
    throw new Refused('keys.not-a-cosignature', 'the witness\'s key does not sign this text', {
      why: `it has ${message.length} octets and is no cosignature/v1 of a checkpoint`, fix: 'ask for a cosignature of docs/FORMAT.md, section 12',
    });
  }
  if (logNumber(origin, deployment) !== null) throw new Refused('keys.own-log', 'a deployment does not witness its own log', { why: `the checkpoint is of ${origin}` });
  return message;
}

/** SubjectPublicKeyInfo (DER) of the key, which is made if it is not there. */
export function witnessKey({ token, founded: { deployment }, sync }: Keyring, part: CosignerPart): { readonly spki: Buffer; readonly made: boolean } {
  const label = `${deployment}/${part}`;
  const there = token.publicKey('ed25519', label);
  if (there !== undefined) return { spki: there, made: false };
  token.makePair('ed25519', { label, id: randomBytes(8) });
  sync();
  const spki = token.publicKey('ed25519', label);
  if (spki !== undefined) return { spki, made: true };
  throw new Failed('keys.hsm-away', `the token does not show the key "${label}" that it just made`);
}

/** 64 octets. Throws `Failed('keys.hsm-away')` where there is no key. */
export function signCosignature({ token, founded: { deployment } }: Keyring, part: CosignerPart, message: Buffer): Buffer {
  const label = `${deployment}/${part}`;
  const key = token.privateKey(label);
  if (key === undefined) throw new Failed('keys.hsm-away', `the token does not show the private key "${label}"`);
  return token.sign('ed25519', key, message);
}

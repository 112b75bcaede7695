// SPDX-License-Identifier: Apache-2.0
// The keys of a deployment in its token, and their founding.
//
// Founding, and what a crash leaves at each step:
//   1. PINs written and fsynced                       PINs, used by the next attempt
//   2. token made (embedded SoftHSM only)             a token without founded.json: made anew, nothing was handed out
//   3. key pairs for log and CA made                  the same
//   4. CA certificate signed by its own key           the same
//   5. token files fsynced; founded.json written      the commit point: from here on the token must hold these keys
// An external token is never made or emptied by us; keys that an earlier attempt left in it are taken over. Labels begin with
// the deployment's name, so that several may share a token: <deployment>/log, /ca, /wrap/<class>/<bucket>.
import { X509Certificate, createHash, createPublicKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { issueAuthority, pemEncode, type SignEcdsa } from '@strongroom/keys';
import { writeDurably } from '@strongroom/service';
import { readFounded, type Founded } from './founded.ts';
import { withRoom } from './founding-room.ts';
import { LogKeys } from './log-keys.ts';
import { Module } from './module.ts';
import type { KeyringPlace } from './place.ts';
import { ensurePins, prepareSoftHsm, syncTokenFiles } from './softhsm.ts';
import type { PairKind } from './templates.ts';
import type { KeyHandle, Token } from './token.ts';

const PAIRS = { log: 'ed25519', ca: 'p256' } as const satisfies Record<string, PairKind>;
type PairName = keyof typeof PAIRS;
const CA_YEARS = 20;
/** So that a certificate is valid at once for a peer whose clock runs behind. */
export const BACKDATE_MS = 3_600_000;
const PIN_CHARACTERS_MAX = 255;

export interface Keyring {
  readonly token: Token;
  readonly founded: Founded;
  /** secrets/keys. */
  readonly directory: string;
  readonly logKeys: LogKeys;
  readonly ca: KeyHandle;
  /** Makes what the token wrote durable. */
  sync(): void;
  close(): void;
}

/**
 * Opens the token and finds the deployment's keys in it, founding them at the very first start.
 * Throws `Failed('keys.hsm-away')` (try again later) or `Refused`: `keys.module`, `keys.pin`, `keys.pin-file`,
 * `keys.mechanism`, `keys.token-ambiguous`, `keys.founded`, `keys.no-room` (a person must look).
 */
export async function openKeyring(place: KeyringPlace): Promise<Keyring> {
  const founded = readFounded(place.directory);
  if (founded === undefined) return place.pinFile === undefined ? withRoom(place.directory, () => foundEmbedded(place)) : foundIn(place, place.pinFile);
  if (place.pinFile === undefined) await prepareSoftHsm(place.directory, true);
  if (founded.deployment !== place.deployment) throw otherDeployment(founded.deployment, place.deployment);
  return openFounded(place, founded);
}

async function foundEmbedded(place: KeyringPlace): Promise<Keyring> {
  await prepareSoftHsm(place.directory, false);
  return withModule(place, async (module) => {
    const token = await makeToken(module, place);
    return keyringOf(module, token, await found(token, place), place);
  });
}

/** In an external token. */
function foundIn(place: KeyringPlace, pinFile: string): Promise<Keyring> {
  return withModule(place, async (module) => {
    const token = module.open(place.tokenLabel, readPin(pinFile));
    return keyringOf(module, token, await found(token, place), place);
  });
}

/** Opens the token of a deployment that was founded. Writes nothing. Throws what {@link openKeyring} throws. */
export function openFounded(place: KeyringPlace, founded: Founded): Promise<Keyring> {
  return withModule(place, async (module) => {
    const token = module.open(place.tokenLabel, readPin(place.pinFile ?? join(place.directory, 'pin')));
    return keyringOf(module, token, founded, place);
  });
}

async function withModule(place: KeyringPlace, open: (module: Module) => Promise<Keyring>): Promise<Keyring> {
  const module = new Module(place.module);
  try {
    return await open(module);
  } catch (error) {
    module.close();
    throw error;
  }
}

async function makeToken(module: Module, place: KeyringPlace): Promise<Token> {
  if (!module.description.startsWith('SoftHSM')) {
    throw new Refused('keys.pin-file', 'the PIN of the HSM is not known', {
      why: `${place.module} (${module.description}) is not the embedded SoftHSM, whose token and PIN are made here`, fix: 'set keys.pinFile to a file that holds the PIN',
    });
  }
  const pins = await ensurePins(place.directory);
  module.makeToken(place.tokenLabel, pins.so, pins.user);
  return module.open(place.tokenLabel, pins.user);
}

async function found(token: Token, place: KeyringPlace): Promise<Founded> {
  const { deployment, directory } = place;
  const [log, ca] = [ensurePair(token, deployment, 'log'), ensurePair(token, deployment, 'ca')];
  const caPem = await makeAuthority(token, ca, deployment);
  syncerOf(place)();
  const { label, serial, moduleDescription } = token.facts;
  const founded: Founded = {
    version: 1, deployment, tokenLabel: label, tokenSerial: serial, moduleDescription,
    logPublicKeySpki: log.toString('base64'), caPublicKeySpki: ca.toString('base64'), caPem,
  };
  await writeDurably(join(directory, 'ca.pem'), caPem, 0o644);
  await writeDurably(join(directory, 'founded.json'), `${JSON.stringify(founded, null, 2)}\n`);
  return founded;
}

function ensurePair(token: Token, deployment: string, name: PairName): Buffer {
  const [kind, label] = [PAIRS[name], `${deployment}/${name}`];
  if (token.publicKey(kind, label) === undefined) token.makePair(kind, { label, id: randomBytes(8) });
  const spki = token.publicKey(kind, label);
  if (spki !== undefined) return spki;
  throw new Failed('keys.hsm-away', `the token does not show the key "${label}" that it just made`);
}

async function makeAuthority(token: Token, spki: Buffer, deployment: string): Promise<string> {
  const now = Date.now();
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + CA_YEARS);
  const request = { spki, organization: deployment, commonName: 'Strongroom CA', notBefore: new Date(now - BACKDATE_MS), notAfter };
  return pemEncode('CERTIFICATE', await issueAuthority(request, ecdsaSigner(token, privateKey(token, deployment, 'ca'))));
}

/** The CA's signature: the token signs a digest, so the digest is made here. */
export function ecdsaSigner(token: Token, key: KeyHandle): SignEcdsa {
  return (message) => token.sign('p256', key, createHash('sha256').update(message).digest());
}

function keyringOf(module: Module, token: Token, founded: Founded, place: KeyringPlace): Keyring {
  const sync = syncerOf(place);
  const { directory } = place;
  requireSame(token, founded, founded.caPublicKeySpki);
  const authority = new X509Certificate(founded.caPem);
  const caKey = createPublicKey({ key: Buffer.from(founded.caPublicKeySpki, 'base64'), format: 'der', type: 'spki' });
  if (!authority.publicKey.equals(caKey)) throw otherKeys('the CA certificate is not for the CA key');
  const { deployment } = founded;
  const logKeys = new LogKeys({ directory, token, founded, sync });
  return { token, founded, directory, logKeys, ca: privateKey(token, deployment, 'ca'), sync, close: () => module.close() };
}

/** Only the embedded token's files are ours to make durable. */
function syncerOf({ pinFile, directory }: KeyringPlace): () => void {
  return () => {
    if (pinFile === undefined) syncTokenFiles(directory);
  };
}

/** A token without the deployment's keys is away; one with others under their names is somebody else's. */
function requireSame(token: Token, { deployment }: Founded, expected: string): void {
  const label = `${deployment}/ca`;
  const spki = token.publicKey(PAIRS.ca, label);
  if (spki === undefined) {
    throw new Failed('keys.hsm-away', `the token "${token.facts.label}" does not hold the key "${label}"`, {
      why: 'it was made there when this deployment was founded', fix: 'connect the token of this deployment, or restore it from its backup; it is tried again by itself',
    });
  }
  if (spki.toString('base64') !== expected) throw otherKeys(`the token "${token.facts.label}" (serial ${token.facts.serial}) holds another key "${label}"`);
}

function privateKey(token: Token, deployment: string, name: PairName): KeyHandle {
  const key = token.privateKey(`${deployment}/${name}`);
  if (key !== undefined) return key;
  throw new Failed('keys.hsm-away', `the token "${token.facts.label}" does not show the private key "${deployment}/${name}"`);
}

function otherKeys(why: string): Refused {
  return new Refused('keys.founded', 'the token is not the one that this deployment was founded with', {
    why, fix: 'set keys.tokenLabel to the right token; secrets/keys/founded.json holds its public keys',
  });
}

function otherDeployment(before: string, now: string): Refused {
  return new Refused('keys.founded', `these keys belong to the deployment "${before}", not to "${now}"`, {
    why: 'a deployment keeps its name, which stands in its identities and its log', fix: `set "deployment" back to ${before}, or use another home`,
  });
}

function readPin(path: string): string {
  try {
    const pin = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (pin !== '' && pin.length <= PIN_CHARACTERS_MAX) return pin;
    throw new Error(`it holds ${pin.length} characters, 1 to ${PIN_CHARACTERS_MAX} are possible`);
  } catch (error) {
    throw new Refused('keys.pin-file', `the PIN in ${path} cannot be read`, {
      why: (error as Error).message, fix: 'see that the file is there and that the keys service may read it', cause: error,
    });
  }
}

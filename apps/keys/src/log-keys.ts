// SPDX-License-Identifier: Apache-2.0
// The log's keys over time, secrets/keys/log-keys.json: which key pairs in the token are or were the log's. Absent, there is
// the one that the deployment was founded with. Nothing in it is secret. Pairs are labelled <deployment>/log,
// <deployment>/log/2 and so on.
//
// A rotation, and what a crash leaves at each step:
//   1. pair made in the token, synced          a pair that no file names: the next try takes it over
//   2. named as "next" in the file             the same; a rotation that goes on, or a later one, uses it
//   3. the vault commits and publishes a checkpoint that both keys signed, with the entry that names the new one
//   4. the old one named as "destroyed"        its private half may still be in the token: destroyed at the next opening
//   5. destroyed in the token, synced          done
// Steps 4 and 5 happen only for who shows what both keys signed.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { logNumber, readRotation, vkeyLine } from '@strongroom/evidence';
import type { LogKeyFacts } from '@strongroom/keys';
import { writeDurably } from '@strongroom/service';
import type { Founded } from './founded.ts';
import type { KeyHandle, Token } from './token.ts';

const EPOCHS_MAX = 4096;

export interface LogKeyEpoch extends LogKeyFacts {
  readonly label: string;
}

/** What the log's keys need of an open token. */
export interface LogKeyPlace {
  readonly directory: string;
  readonly token: Token;
  readonly founded: Founded;
  readonly sync: () => void;
}

export class LogKeys {
  readonly #place: LogKeyPlace;
  readonly #handles = new Map<string, KeyHandle>();
  #epochs: readonly LogKeyEpoch[];

  /** Completes a destruction that a crash interrupted. Throws `Failed('keys.hsm-away')`, `Refused('keys.founded')`. */
  constructor(place: LogKeyPlace) {
    this.#place = place;
    this.#epochs = readLogKeys(place.directory, place.founded);
    for (const epoch of this.#epochs) {
      if (epoch.state === 'destroyed') this.#destroy(epoch);
      else requireSame(place.token, epoch);
    }
  }

  get epochs(): readonly LogKeyEpoch[] {
    return this.#epochs;
  }

  /** The private key of a public one (SubjectPublicKeyInfo, base64); without one, the log's present key. Throws `Refused('keys.log-key')`. */
  handle(spki: string | undefined): KeyHandle {
    const wanted = spki ?? this.#epochs.findLast(({ state }) => state === 'active')!.spki;
    const held = this.#handles.get(wanted);
    if (held !== undefined) return held;
    const epoch = this.#epochs.find((one) => one.spki === wanted && one.state !== 'destroyed');
    if (epoch === undefined) throw unknown(wanted);
    const key = this.#place.token.privateKey(epoch.label);
    if (key === undefined) throw new Failed('keys.hsm-away', `the token does not show the private key "${epoch.label}"`);
    this.#handles.set(wanted, key);
    return key;
  }

  /** The first key of a log that is to be begun, made when there is none yet: it is that log's at once. */
  async found(origin: string): Promise<LogKeyEpoch> {
    return this.#epochs.find((one) => one.origin === origin) ?? this.#make(origin, 'active');
  }

  /** The next key of the log `origin`, made when there is none yet: it signs nothing before the vault asks it to. */
  async prepare(origin: string): Promise<LogKeyEpoch> {
    const known = this.#epochs.find((one) => one.state === 'next' && one.origin === origin);
    return known ?? this.#make(origin, 'next');
  }

  async #make(origin: string, state: 'next' | 'active'): Promise<LogKeyEpoch> {
    if (this.#epochs.length >= EPOCHS_MAX) throw new Refused('keys.log-keys', 'the log\'s key was changed too often', { why: `${EPOCHS_MAX} times` });
    const { token, founded, sync } = this.#place;
    const label = `${founded.deployment}/log/${this.#epochs.length + 1}`;
    if (token.publicKey('ed25519', label) === undefined) token.makePair('ed25519', { label, id: randomBytes(8) });
    const spki = token.publicKey('ed25519', label)!.toString('base64');
    sync();
    const made: LogKeyEpoch = { origin, label, spki, state, since: new Date().toISOString() };
    await this.#write([...this.#epochs, made]);
    return made;
  }

  /**
   * Ends the key that a rotation leads away from, and has the one that it leads to be the log's. `keep`: its private half
   * stays in the token. Throws `Refused`: `keys.log-key`, and what `readRotation` refuses.
   */
  async retire(rotation: string, keep: boolean): Promise<{ readonly retired: LogKeyEpoch; readonly active: LogKeyEpoch }> {
    const { entry } = readRotation(rotation);
    const [from, to] = [this.#named(entry.from), this.#named(entry.to)];
    const before = from.state === 'active' || from.state === 'next' ? (keep ? 'retired' : 'destroyed') : from.state;
    await this.#write(this.#epochs.map((one) => {
      if (one === from) return { ...one, state: before };
      return one === to && one.state === 'next' ? { ...one, state: 'active' as const } : one;
    }));
    const [retired, active] = [this.#named(entry.from), this.#named(entry.to)];
    if (retired.state === 'destroyed') this.#destroy(retired);
    return { retired, active };
  }

  #named(vkey: string): LogKeyEpoch {
    const found = this.#epochs.find(({ origin, spki }) => vkeyLine(origin, Buffer.from(spki, 'base64')) === vkey);
    if (found !== undefined) return found;
    throw unknown(vkey);
  }

  #destroy({ label, spki }: LogKeyEpoch): void {
    this.#handles.delete(spki);
    if (this.#place.token.destroyPrivateKey(label)) this.#place.sync();
  }

  async #write(epochs: readonly LogKeyEpoch[]): Promise<void> {
    await writeDurably(join(this.#place.directory, 'log-keys.json'), `${JSON.stringify({ version: 1, epochs }, null, 2)}\n`);
    this.#epochs = epochs;
  }
}

/** Throws `Refused('keys.malformed')` unless it names one of the deployment's logs. */
export function checkOrigin(origin: string, deployment: string): string {
  if (logNumber(origin, deployment) !== null) return origin;
  throw new Refused('keys.malformed', `"${origin.slice(0, 100)}" is no log of this deployment`);
}

/** Needs no token. Throws `Refused('keys.founded')` when the file cannot be understood. */
export function readLogKeys(directory: string, founded: Founded): readonly LogKeyEpoch[] {
  const path = join(directory, 'log-keys.json');
  try {
    const { version, epochs } = JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown; epochs?: unknown };
    if (version !== 1 || !Array.isArray(epochs) || epochs.length === 0) throw new Error('version 1 with "epochs" is expected');
    return epochs as LogKeyEpoch[];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [firstEpoch(founded)];
    throw new Refused('keys.founded', `${path} cannot be read`, {
      why: message, fix: 'restore it from a backup; without it nobody can tell which keys of the token are the log\'s', cause: error,
    });
  }
}

function firstEpoch({ deployment, logPublicKeySpki }: Founded): LogKeyEpoch {
  return { origin: `${deployment}/log`, label: `${deployment}/log`, spki: logPublicKeySpki, state: 'active', since: null };
}

/** A token without the deployment's keys is away; one with others under their names is somebody else's. */
function requireSame(token: Token, { label, spki }: LogKeyEpoch): void {
  const found = token.publicKey('ed25519', label)?.toString('base64');
  if (found === spki) return;
  if (found !== undefined) {
    throw new Refused('keys.founded', 'the token is not the one that this deployment was founded with', {
      why: `the token "${token.facts.label}" (serial ${token.facts.serial}) holds another key "${label}"`,
      fix: 'set keys.tokenLabel to the right token; founded.json and log-keys.json in secrets/keys hold its public keys',
    });
  }
  throw new Failed('keys.hsm-away', `the token "${token.facts.label}" does not hold the key "${label}"`, {
    why: 'it was made there when this deployment was founded, or when the log\'s key was changed',
    fix: 'connect the token of this deployment, or restore it from its backup; it is tried again by itself',
  });
}

function unknown(name: string): Refused {
  return new Refused('keys.log-key', 'this is no key of the log', { why: `${name.slice(0, 200)} is not in secrets/keys/log-keys.json, or was destroyed` });
}

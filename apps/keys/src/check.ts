// SPDX-License-Identifier: Apache-2.0
// What proves which keys are in use and how: read from the token and tried, not taken from configuration.
import { createPublicKey, hash, randomBytes, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { checkProcess, type Check } from '@strongroom/service';
import type { Keyring } from './keyring.ts';
import { KEPT } from './inventory.ts';
import type { KeyringPlace } from './place.ts';
import { MECHANISMS } from './module.ts';
import type { TokenKey } from './token.ts';

/** Every check, in the order of reading; `counter` is that of the hardware counter, where one is configured. Throws `Failed('keys.hsm-away')`: without the token there is nothing to check. */
export function checkKeys(ring: Keyring, place: KeyringPlace, counter?: Check): Check[] {
  return [module(ring, place), token(ring), embedded(place), mechanisms(ring), attributes(ring), signing(ring), ...wrapping(ring), counter ?? noCounter(ring), ...checkProcess()];
}

function module({ token: { facts } }: Keyring, place: KeyringPlace): Check {
  try {
    return { code: 'keys.module', state: 'ok', detail: `${place.module}, SHA-256 ${hash('sha256', readFileSync(place.module), 'hex')}; ${facts.moduleDescription}` };
  } catch (error) {
    return { code: 'keys.module', state: 'bad', detail: `${place.module} cannot be read: ${(error as Error).message}` };
  }
}

function token({ token: { facts }, founded }: Keyring): Check {
  const same = facts.serial === founded.tokenSerial;
  const said = `"${facts.label}", serial ${facts.serial}, ${facts.model}, firmware ${facts.firmware}`;
  return { code: 'keys.token', state: same ? 'ok' : 'weak', detail: same ? said : `${said}; the deployment was founded in the one with serial ${founded.tokenSerial}` };
}

function embedded({ pinFile }: KeyringPlace): Check {
  if (pinFile !== undefined) return { code: 'keys.hsm', state: 'ok', detail: 'a module and token that you configured' };
  return { code: 'keys.hsm', state: 'weak', detail: 'embedded SoftHSM: keys are files on this disk, under a PIN that lies beside them' };
}

function mechanisms({ token: { facts } }: Keyring): Check {
  return { code: 'keys.mechanisms', state: 'ok', detail: `used: ${MECHANISMS.join(', ')}; the token offers ${facts.mechanisms}` };
}

/** Those that a key must have so that nobody reads it out, now or earlier. */
function attributes(ring: Keyring): Check {
  const keys = ring.token.keys(`${ring.founded.deployment}/`);
  const faults = keys.flatMap((key) => KEPT.filter(([name, wanted]) => key.attributes[name] !== wanted).map(([name]) => `${key.label} ${name} ${said(key, name)}`));
  if (faults.length === 0) return { code: 'keys.attributes', state: 'ok', detail: `${keys.length} private and secret keys: sensitive, not extractable and never were, made in the token` };
  return { code: 'keys.attributes', state: 'bad', detail: `${faults.length} of ${keys.length} keys: ${faults.slice(0, 5).join('; ')}` };
}

function said({ attributes: all }: TokenKey, name: keyof TokenKey['attributes']): string {
  return all[name] === null ? 'is not told' : `is ${all[name]}`;
}

/** A signature of the token's, verified by other code. It is over no checkpoint, so it is worth nothing to anybody. */
function signing(ring: Keyring): Check {
  const message = randomBytes(32);
  const signature = ring.token.sign('ed25519', ring.logKeys.handle(undefined), message);
  const { spki } = ring.logKeys.epochs.findLast(({ state }) => state === 'active')!;
  const holds = verify(null, message, createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' }), signature);
  return { code: 'keys.self-test-sign', state: holds ? 'ok' : 'bad', detail: holds ? "the log's key signed, and Node's OpenSSL verified it" : "what the log's key signed does not verify" };
}

/** With a key for this alone, gone afterwards. */
function wrapping(ring: Keyring): Check[] {
  const { token: hsm, founded: { deployment } } = ring;
  const [plain, iv, aad] = [randomBytes(32), randomBytes(12), Buffer.from('strongroom self-test')];
  return hsm.withTrialKey(`${deployment}/trial`, (key) => {
    const sealed = hsm.encrypt(key, iv, aad, plain);
    const opened = hsm.decrypt(key, iv, aad, sealed).equals(plain);
    const refused = isRefused(() => hsm.decrypt(key, iv, Buffer.from('another'), sealed));
    return [
      { code: 'keys.self-test-wrap', state: opened ? 'ok' : 'bad', detail: opened ? 'a key was wrapped and unwrapped' : 'what was wrapped was unwrapped to something else' },
      { code: 'keys.self-test-aad', state: refused ? 'ok' : 'bad', detail: refused ? 'another additional data was refused' : 'another additional data was accepted: wrapped keys are not bound to their segments' },
    ];
  });
}

function isRefused(use: () => unknown): boolean {
  try {
    use();
    return false;
  } catch (error) {
    if (error instanceof Refused && error.code === 'keys.not-authentic') return true;
    throw error;
  }
}

function noCounter({ token: hsm }: Keyring): Check {
  const token = hsm.hasCounter() ? '; the token has a monotonic counter, which is not used' : '';
  return { code: 'keys.counter', state: 'weak', detail: `no hardware counter (keys.counter.tpm)${token}: a rollback of the whole machine shows only to witnesses and outside copies` };
}

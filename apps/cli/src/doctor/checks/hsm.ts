// SPDX-License-Identifier: Apache-2.0
// The token, its module and its PIN. The token itself is not asked: a PIN that is tried too often locks it, and the key
// service has tried already.
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { check, type Say } from '../check.ts';
import type { ServiceEvent } from '@strongroom/service/client';
import { readRegular } from '../reading.ts';
import { word } from '../shell.ts';
import { sinceStart, type Patient } from '../patient.ts';

const ELF = Buffer.from('\u007fELF', 'latin1');
const STANDS_STILL = 'without its keys nothing can be signed or wrapped: nothing is sealed, and nothing acknowledged';

const CODES = {
  'hsm.module-away': { severity: 'bad', seen: 'the PKCS#11 module that keys.module names is not there, or no program library', why: STANDS_STILL },
  'hsm.token-away': { severity: 'bad', seen: "the embedded token is not under secrets/keys, or empty, though this deployment's keys were made in it", why: `${STANDS_STILL}; without it, or a copy, what is sealed can be verified and never read again` },
  'hsm.pin-away': { severity: 'bad', seen: "the file with the token's PIN is not there, or empty", why: STANDS_STILL },
  'hsm.pin-wrong': { severity: 'bad', seen: 'the token did not take the PIN', why: 'it is not tried again, because that would lock the token; everything stops with exit code 78' },
  'hsm.away': { severity: 'bad', seen: 'the key service says that the HSM does not answer', why: STANDS_STILL },
} as const;
type Code = keyof typeof CODES;

export const hsmCheck = check({
  name: 'hsm',
  codes: CODES,
  look(patient, say: Say<Code>) {
    const { config } = patient;
    if (config === null) say.unseen('the configuration is not valid', 'hsm.module-away', 'hsm.pin-away');
    else {
      judgeModule(config.keys.module, say);
      if (config.keys.pinFile !== undefined) judgePin(resolve(patient.paths.home, config.keys.pinFile), say);
      else if (patient.founded) judgeEmbedded(patient, say);
    }
    judgeWord(patient, say);
  },
});

function judgeModule(path: string, say: Say<Code>): void {
  const [what, evidence] = [existsSync(path) ? isLibrary(path) ? null : 'is no program library' : 'is not there', { path }];
  if (what === null) return;
  say.found('hsm.module-away', { what: `${path}, which keys.module names, ${what}`, fix: path.includes('softhsm') ? 'apt-get install softhsm2' : `ls -l ${word(path)} (install what your HSM's vendor gives, or correct keys.module)`, evidence });
}

function isLibrary(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(ELF.length);
    readSync(fd, head);
    return head.equals(ELF);
  } finally {
    closeSync(fd);
  }
}

function judgeEmbedded({ paths }: Patient, say: Say<Code>): void {
  const [token, founded] = [join(paths.keysToken, 'token'), join(paths.keysToken, 'founded.json')];
  try {
    if (!existsSync(paths.keysToken) || !readdirSync(paths.keysToken).includes('founded.json')) return say.unseen(`there is no ${founded}: keys were never made`, 'hsm.token-away', 'hsm.pin-away');
    const there = existsSync(token) ? readdirSync(token).length : 0;
    if (there === 0) say.found('hsm.token-away', { what: `${token} is ${existsSync(token) ? 'empty' : 'not there'}, and ${founded} says that this deployment has keys`, fix: `ls -la ${word(paths.keysToken)} (put token, pin and so-pin back from their copy: strongroom restore DIR --token DIR)`, evidence: { path: token } });
    judgePin(join(paths.keysToken, 'pin'), say);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    say.unseen('the directory of the token may not be read by you: run it as root', 'hsm.token-away', 'hsm.pin-away');
  }
}

/** Whether there is one; what it is, nobody is told. */
function judgePin(path: string, say: Say<Code>): void {
  try {
    if (readRegular(path).length > 0) return;
    say.found('hsm.pin-away', { what: `${path} is empty`, fix: `ls -l ${word(path)} (put the PIN back from where you keep it)`, evidence: { path } });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') return say.unseen('the PIN may not be read by you: run it as root', 'hsm.pin-away');
    say.found('hsm.pin-away', { what: `${path} cannot be read (${code})`, fix: `ls -l ${word(path)} (put the PIN back from where you keep it)`, evidence: { path } });
  }
}

/** What the key service said last of its token since the last start. */
function judgeWord({ events, status, paths }: Patient, say: Say<Code>): void {
  const own = sinceStart(events).filter(({ service }) => service === 'keys');
  const pin = own.findLast(({ fields }) => fields['code'] === 'keys.pin');
  if (pin !== undefined && status === null) say.found('hsm.pin-wrong', { what: `at ${pin.time} the token did not take the PIN: ${textOf(pin)}`, fix: `ls -l ${word(join(paths.keysToken, 'pin'))} (put the right PIN into it, or into what keys.pinFile names, then: npm start)`, evidence: { at: pin.time } });
  const turn = own.findLast(({ event }) => ['keys.hsm-away', 'keys.hsm-back', 'keys.opened'].includes(event));
  if (turn?.event === 'keys.hsm-away') say.found('hsm.away', { what: `since ${turn.time} the HSM does not answer: ${textOf(turn)}`, fix: 'strongroom keys check (bring token and module back; it is tried again by itself)', evidence: { at: turn.time, code: String(turn.fields['code'] ?? '') } });
}

function textOf({ fields }: ServiceEvent): string {
  return [fields['message'], fields['why']].filter((part) => typeof part === 'string').join(': ');
}

// SPDX-License-Identifier: Apache-2.0
// secrets/keys/counter: the last statement about the hardware counter, signed in the token by a key for this alone, so that
// who has the disk without the token can put back an old one and write no new one. Beside it, until there is a first one,
// counter-first: what its first step will make of the counter.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { decodeCounterStatement, encodeCounterStatement, openNote, parseVkey, signedNote, vkeyLine, type CounterStatement, type NoteKey } from '@strongroom/evidence';
import { readIfThere, writeDurably } from '@strongroom/service';
import type { Keyring } from '../keyring.ts';

export const STATEMENT_FILE = 'counter';
export const FIRST_FILE = 'counter-first';

/** Null where there is none. Throws `Refused('keys.counter-statement')` for one that the token did not sign. */
export function readStatement(ring: Keyring, file: typeof STATEMENT_FILE | typeof FIRST_FILE = STATEMENT_FILE): CounterStatement | null {
  const path = join(ring.directory, file);
  const note = readIfThere(path);
  if (note === null) return null;
  try {
    const key = counterKey(ring);
    if (key === null) throw new Refused('keys.counter-key', 'the token has no key for it');
    return decodeCounterStatement(openNote(note, key));
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
    throw new Refused('keys.counter-statement', `${path} is no statement of this deployment's token`, {
      why: cause.message, fix: 'put the newest home back; if it is gone: "strongroom recover --help"', cause,
    });
  }
}

/** The note of a statement; the key is made when there is none. */
export function signStatement(ring: Keyring, statement: CounterStatement): string {
  const label = labelOf(ring);
  if (counterKey(ring) === null) {
    ring.token.makePair('ed25519', { label, id: randomBytes(8) });
    ring.sync();
  }
  const [key, secret] = [counterKey(ring), ring.token.privateKey(label)];
  if (key === null || secret === undefined) throw new Failed('keys.hsm-away', `the token does not show the key "${label}"`);
  const text = encodeCounterStatement(statement);
  return signedNote(text, key, ring.token.sign('ed25519', secret, Buffer.from(text)));
}

/** Durable when this resolves. */
export async function keepStatement(directory: string, note: string, file: typeof STATEMENT_FILE | typeof FIRST_FILE = STATEMENT_FILE): Promise<void> {
  await writeDurably(join(directory, file), note);
}

function labelOf({ founded }: Keyring): string {
  return `${founded.deployment}/counter`;
}

function counterKey(ring: Keyring): NoteKey | null {
  const spki = ring.token.publicKey('ed25519', labelOf(ring));
  return spki === undefined ? null : parseVkey(vkeyLine(labelOf(ring), spki));
}

// SPDX-License-Identifier: Apache-2.0
// C2SP tlog-cosignature, Ed25519 (type 0x04). What is signed:
//   cosignature/v1 LF · time <seconds since 1970, decimal> LF · the checkpoint's whole text
// A signature line holds base64(4 octets key id ‖ u64 time ‖ 64 octets Ed25519).
import { verify } from 'node:crypto';
import { Refused } from '@strongroom/bytes';
import { isBy, parseVkey, splitNote, vkeyLine, type NoteKey, type NoteSignature } from '../note.ts';

const COSIGNATURE_V1 = 0x04;
const SIGNATURE_BYTES = 8 + 64;

/** The line `name+hash+key` of a cosigner, from an Ed25519 SubjectPublicKeyInfo. */
export function cosignerVkey(name: string, spki: Buffer): string {
  return vkeyLine(name, spki, COSIGNATURE_V1);
}

/** Throws `Refused('note.vkey')`; keys of another type, ML-DSA-44 among them, are not known here. */
export function parseCosignerVkey(line: string): NoteKey {
  return parseVkey(line, COSIGNATURE_V1);
}

/** The text that a cosigner signs at `seconds` since 1970. */
export function cosignedText(checkpointText: string, seconds: number): string {
  return `cosignature/v1\ntime ${seconds}\n${checkpointText}`;
}

/** The signature line, with its LF, from a raw 64-octet signature over {@link cosignedText}. */
export function cosignatureLine(key: Pick<NoteKey, 'name' | 'id'>, seconds: number, signature: Buffer): string {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  return `— ${key.name} ${Buffer.concat([key.id, time, signature]).toString('base64')}\n`;
}

/** A cosignature that was verified. */
export interface Cosignature {
  readonly key: NoteKey;
  /** When the cosigner says that it made it, seconds since 1970. */
  readonly seconds: number;
  /** As it stands in the note, without its LF. */
  readonly line: string;
}

/**
 * The cosignatures of these keys under a checkpoint, one for each key that made one, its latest. Those of unknown keys are
 * ignored. Throws `Refused`: `note.malformed`; `note.cosignature` when one that names a known key does not verify.
 */
export function cosignaturesOf(note: string, keys: readonly NoteKey[]): Cosignature[] {
  const { text, signatures } = splitNote(note);
  return keys.flatMap((key) => {
    const made = signatures.filter((line) => isBy(line, key)).map((line) => verified(text, line, key));
    return made.toSorted((a, b) => b.seconds - a.seconds).slice(0, 1);
  });
}

function verified(text: string, { signature, line }: NoteSignature, key: NoteKey): Cosignature {
  const time = signature.length === SIGNATURE_BYTES ? signature.readBigUInt64BE() : 0n;
  // A witness's cosignature never omits its time, and no clock shows the year 285,616,414.
  const seconds = Number(time);
  if (time > 0n && Number.isSafeInteger(seconds) && verify(null, Buffer.from(cosignedText(text, seconds)), key.key, signature.subarray(8))) return { key, seconds, line };
  throw new Refused('note.cosignature', `the cosignature of ${key.name} does not verify`, { fix: 'compare the key with what the operator of that witness says' });
}

/** The note with further signature lines, those it has already left out. Each line with or without its LF. */
export function withSignatures(note: string, lines: readonly string[]): string {
  const there = new Set(splitNote(note).signatures.map(({ line }) => line));
  const fresh = [...new Set(lines.map((line) => line.trimEnd()))].filter((line) => !there.has(line));
  return note + fresh.map((line) => `${line}\n`).join('');
}

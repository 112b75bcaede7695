// SPDX-License-Identifier: Apache-2.0
// C2SP signed notes with Ed25519 keys (type 0x01), and the checkpoints in them (C2SP tlog-checkpoint).
import { createPublicKey, hash, verify, type KeyObject } from 'node:crypto';
import { Refused } from '@strongroom/bytes';

const ED25519 = 0x01;
/** DER before the 32 octets of an Ed25519 SubjectPublicKeyInfo (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const SIGNATURES_MAX = 32;
const NOTE_BYTES_MAX = 64 * 1024;

/** A note's verifier: what a vkey line says. */
export interface NoteKey {
  readonly name: string;
  readonly id: Buffer;
  readonly key: KeyObject;
}

/** One of a log's keys and the sizes whose checkpoints it signs, both ends included: the size at which keys changed is signed by both. */
export interface KeyEpoch {
  readonly key: NoteKey;
  readonly from: number;
  /** Infinity: the present key. */
  readonly to: number;
}

/** The keys that a log had one after the other, oldest first, at least one. See rotation.ts. */
export interface KeyChain {
  readonly name: string;
  readonly epochs: readonly KeyEpoch[];
}

/** What a log's checkpoints are checked by. */
export type LogKey = NoteKey | KeyChain;

/** A single key is one for all time. */
export function epochsOf(by: LogKey): readonly KeyEpoch[] {
  return 'epochs' in by ? by.epochs : [{ key: by, from: 0, to: Infinity }];
}

/** The key that signs now. */
export function presentKey(by: LogKey): NoteKey {
  return epochsOf(by).at(-1)!.key;
}

/** The line `name+hash+key` for an Ed25519 public key given as SubjectPublicKeyInfo; `type` is that of its signatures. */
export function vkeyLine(name: string, spki: Buffer, type: number = ED25519): string {
  const typed = Buffer.concat([Buffer.of(type), rawKey(spki)]);
  return `${name}+${keyId(name, typed).toString('hex')}+${typed.toString('base64')}`;
}

function rawKey(spki: Buffer): Buffer {
  if (spki.length !== 44 || !spki.subarray(0, 12).equals(SPKI_PREFIX)) throw new Refused('note.key', 'the key is not an Ed25519 public key');
  return spki.subarray(12);
}

function keyId(name: string, typed: Buffer): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').subarray(0, 4);
}

/** Throws `Refused('note.vkey')`. `type`: of the signatures that the key makes, 0x01 a log's, 0x04 a cosigner's. */
export function parseVkey(line: string, type: number = ED25519): NoteKey {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(line.trim());
  const typed = Buffer.from(match?.[3] ?? '', 'base64');
  if (match === null || typed.length !== 33 || typed[0] !== type) {
    const why = match !== null && typed.length > 1 ? `its signature type is ${typed[0]}, ${type} with an Ed25519 key is expected` : 'expected name+hash+base64';
    throw new Refused('note.vkey', 'this is not the Ed25519 verifier key line that is needed', {
      why, fix: type === ED25519 ? 'take the line that `strongroom vkey` prints' : 'ask the operator of the witness for its verifier key line',
    });
  }
  const id = keyId(match[1]!, typed);
  if (id.toString('hex') !== match[2]) throw new Refused('note.vkey', 'the key line does not carry the hash of its own key');
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, typed.subarray(1)]), format: 'der', type: 'spki' });
  return { name: match[1]!, id, key };
}

const lines = new WeakMap<NoteKey, string>();

/** The line of a key. */
export function vkeyOf(of: NoteKey): string {
  const line = lines.get(of) ?? vkeyLine(of.name, of.key.export({ type: 'spki', format: 'der' }));
  lines.set(of, line);
  return line;
}

/** The signature line for `text`, from a raw 64-octet Ed25519 signature over it. */
export function signedNote(text: string, key: NoteKey, signature: Buffer): string {
  return `${text}\n${signatureLine(key, signature)}`;
}

/** One more signature for a note; it goes behind those that are there. */
export function signatureLine(key: NoteKey, signature: Buffer): string {
  return `— ${key.name} ${Buffer.concat([key.id, signature]).toString('base64')}\n`;
}

/**
 * The note's text, if one of the keys signed it. Signatures of unknown keys are ignored; one of these keys that fails
 * refuses the whole note. Throws `Refused`: `note.malformed`, `note.signature`.
 */
export function openNote(note: string, ...keys: readonly NoteKey[]): string {
  const { text, signatures } = splitNote(note);
  const signed = Buffer.from(text);
  const ours = signatures.flatMap((line) => keys.filter((key) => isBy(line, key)).map((key) => ({ key, line })));
  if (ours.length === 0 || !ours.every(({ key, line }) => verify(null, signed, key.key, line.signature))) {
    const names = [...new Set(keys.map(({ name }) => name))].join(', ');
    throw new Refused('note.signature', `no valid signature of ${names}`, { fix: 'compare the key with what `strongroom vkey` prints on the appliance' });
  }
  return text;
}

/** One signature line of a note, not yet verified. */
export interface NoteSignature {
  readonly name: string;
  readonly id: Buffer;
  readonly signature: Buffer;
  /** As it stands in the note, without its LF. */
  readonly line: string;
}

/** A note's text and its signatures, unverified. Throws `Refused('note.malformed')`. */
export function splitNote(note: string): { readonly text: string; readonly signatures: readonly NoteSignature[] } {
  const split = note.lastIndexOf('\n\n');
  if (note.length > NOTE_BYTES_MAX || split < 0 || !note.endsWith('\n')) throw malformed();
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > SIGNATURES_MAX) throw malformed();
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) };
}

/** Whether a signature line names this key. */
export function isBy(signature: NoteSignature, key: NoteKey): boolean {
  return signature.name === key.name && signature.id.equals(key.id);
}

function parseSignature(line: string): NoteSignature {
  const match = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
  const bytes = Buffer.from(match?.[2] ?? '', 'base64');
  if (match === null || bytes.length < 5 || bytes.toString('base64') !== match[2]) throw malformed();
  return { name: match[1]!, id: bytes.subarray(0, 4), signature: bytes.subarray(4), line };
}

function malformed(): Refused {
  return new Refused('note.malformed', 'this is not a signed note');
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/** The three lines of a checkpoint, signed or not. Throws `Refused('checkpoint.malformed')`. */
export function readCheckpoint(text: string): Checkpoint {
  const match = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n$/.exec(text);
  const root = Buffer.from(match?.[3] ?? '', 'base64');
  if (match === null || !Number.isSafeInteger(Number(match[2])) || root.toString('base64') !== match[3]) {
    throw new Refused('checkpoint.malformed', 'the note is no checkpoint of three lines', { why: 'expected origin, size and root' });
  }
  return { origin: match[1]!, size: Number(match[2]), root };
}

/**
 * A checkpoint that the log's key signed, the key of its epoch where keys changed: what a retired key signs beyond its
 * epoch does not count. Throws `Refused`: `note.*`, `checkpoint.malformed`, `checkpoint.origin`.
 */
export function openCheckpoint(note: string, by: LogKey): Checkpoint {
  const epochs = epochsOf(by);
  const claimed = epochs.length === 1 ? 0 : readCheckpoint(splitNote(note).text).size;
  const keys = epochs.filter(({ from, to }) => epochs.length === 1 || (from <= claimed && claimed <= to)).map(({ key }) => key);
  const checkpoint = readCheckpoint(openNote(note, ...keys));
  const { name } = presentKey(by);
  if (checkpoint.origin !== name) throw new Refused('checkpoint.origin', `the checkpoint is of ${checkpoint.origin}, not of ${name}`);
  return checkpoint;
}

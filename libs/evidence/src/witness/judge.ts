// SPDX-License-Identifier: Apache-2.0
// What a witness decides about an add-checkpoint request: C2SP tlog-witness, "add-checkpoint". It knows, for each log, its
// keys and the last checkpoint that it cosigned, and nothing else.
import { verify } from 'node:crypto';
import { Refused } from '@strongroom/bytes';
import { EMPTY_ROOT, verifyConsistency } from '../merkle.ts';
import { isBy, splitNote, type NoteKey } from '../note.ts';
import { parseAddCheckpoint } from './add-checkpoint.ts';

/** Size and root of a log at one moment. */
export interface TreeHead {
  readonly size: number;
  readonly root: Buffer;
}

/** A checkpoint of any log: it may have extension lines, which a cosignature covers and says nothing about. */
export interface SignedHead extends TreeHead {
  readonly origin: string;
  readonly text: string;
  /** The note with the log's own verified signatures alone. */
  readonly note: string;
}

/** The answer by its HTTP status. 409 says which size the witness has. */
export type Judgement =
  | { readonly status: 200; readonly head: SignedHead }
  | {
    readonly status: 400 | 403 | 404 | 422; readonly origin: string | null; readonly why: string;
    /** The log's key has signed two histories of one length. */
    readonly isFork?: true;
  }
  | { readonly status: 409; readonly origin: string; readonly size: number };

export interface WitnessedLogs {
  /** The keys trusted for an origin; undefined when the origin is unknown. */
  keys(origin: string): readonly NoteKey[] | undefined;
  /** What was cosigned last for it; null when nothing was. */
  last(origin: string): TreeHead | null;
}

/** Never throws on what a request holds. Who asks must hold the origin's lock, from here until the answer is durable. */
export function judgeAddCheckpoint(body: Buffer, logs: WitnessedLogs): Judgement {
  let origin: string | null = null;
  try {
    const request = parseAddCheckpoint(body);
    origin = originOf(request.note);
    const keys = logs.keys(origin);
    if (keys === undefined) return { status: 404, origin, why: 'the origin is not known here' };
    const head = openAnyCheckpoint(request.note, keys);
    return judgeHead(request.oldSize, request.proof, head, logs.last(origin));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const status = error.code === 'note.signature' ? 403 : 400;
    return { status, origin, why: error.why ?? error.message };
  }
}

function judgeHead(oldSize: number, proof: readonly Buffer[], head: SignedHead, last: TreeHead | null): Judgement {
  const { origin, size, root } = head;
  const refused = (why: string): Judgement => ({ status: 422, origin, why });
  if (oldSize > size) return { status: 400, origin, why: `the old size ${oldSize} is above the checkpoint's ${size}` };
  if (oldSize !== (last?.size ?? 0)) return { status: 409, origin, size: last?.size ?? 0 };
  if (size === 0 && !root.equals(EMPTY_ROOT)) return refused('an empty log has another root');
  if (size === last?.size && !root.equals(last.root)) return { status: 422, origin, why: `another log of ${size} entries was cosigned`, isFork: true };
  try {
    verifyConsistency(oldSize, last?.root ?? EMPTY_ROOT, size, root, proof);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return refused(error.message);
  }
  return { status: 200, head };
}

/** The first line of a note, before anything of it is trusted. Throws `Refused('note.malformed')`. */
export function originOf(note: string): string {
  return splitNote(note).text.split('\n', 1)[0]!;
}

/**
 * A checkpoint that one of its log's keys signed, with extension lines or without. Throws `Refused`: `note.malformed`,
 * `checkpoint.malformed`; `note.signature` when none of the keys signed it, or the signature of one of them fails.
 */
export function openAnyCheckpoint(note: string, keys: readonly NoteKey[]): SignedHead {
  const { text, signatures } = splitNote(note);
  const ours = signatures.flatMap((line) => keys.filter((key) => isBy(line, key)).map((key) => ({ line, key })));
  const signed = Buffer.from(text);
  if (ours.length === 0 || !ours.every(({ line, key }) => verify(null, signed, key.key, line.signature))) {
    throw new Refused('note.signature', 'no valid signature of the log', { why: 'no key trusted for this origin signed it, or a signature of one fails' });
  }
  return { ...readAnyCheckpoint(text), text, note: `${text}\n${[...new Set(ours.map(({ line }) => line.line))].map((line) => `${line}\n`).join('')}` };
}

/** The lines of a checkpoint of any log, signed or not. Throws `Refused('checkpoint.malformed')`. */
export function readAnyCheckpoint(text: string): TreeHead & { readonly origin: string } {
  const match = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*$/.exec(text);
  const root = Buffer.from(match?.[3] ?? '', 'base64');
  if (match === null || !Number.isSafeInteger(Number(match[2])) || root.toString('base64') !== match[3] || [...text].some((character) => character < ' ' && character !== '\n')) {
    throw new Refused('checkpoint.malformed', 'the note is no checkpoint', { why: 'expected origin, size and root, then extension lines that are not empty' });
  }
  return { origin: match[1]!, size: Number(match[2]), root };
}

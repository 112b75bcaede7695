// SPDX-License-Identifier: Apache-2.0
// The five commands of TPM 2.0 (TPM 2.0 Library, part 3) that an NV counter needs, as octets. Everything is big-endian:
//   command   u16 tag · u32 size of all · u32 code · handles · [u32 size of what follows, one password session] · parameters
//   answer    u16 tag · u32 size of all · u32 response code · [u32 size of the parameters] · parameters · [session]
//   TPM2B     u16 size · that many octets
import { ByteReader, ByteWriter, Failed } from '@strongroom/bytes';

const TAG = { plain: 0x8001, sessions: 0x8002 } as const;
const CODE = { undefine: 0x122, define: 0x12a, increment: 0x134, read: 0x14e, readPublic: 0x169 } as const;
const OWNER = 0x4000_0001;
const PASSWORD_SESSION = 0x4000_0009;
const SHA256 = 0x000b;
const COUNTER_OCTETS = 8;
export const ANSWER_OCTETS_MAX = 4096;

/** TPMA_NV: who holds the empty authorisation reads and increments; a counter; wrong tries lock nothing out. */
const ATTRIBUTES = 0x0000_0004 | 0x0004_0000 | 0x0200_0000 | 0x10;
const KIND_MASK = 0xf0;
const KIND_COUNTER = 0x10;
const WRITTEN = 0x2000_0000;

/** TPM_RC: nothing is defined at the first handle. */
const UNDEFINED = 0x18b;
/** TPM_RC_RETRY, TPM_RC_NV_RATE, TPM_RC_TESTING, TPM_RC_YIELDED: ask again. */
export const AGAIN: ReadonlySet<number> = new Set([0x922, 0x920, 0x90a, 0x908]);

export function defineCommand(index: number): Buffer {
  return command(TAG.sessions, CODE.define, (to) => {
    passwordSession(to.u32(OWNER));
    to.u16(0).u16(14).u32(index).u16(SHA256).u32(ATTRIBUTES).u16(0).u16(COUNTER_OCTETS);
  });
}

export function undefineCommand(index: number): Buffer {
  return command(TAG.sessions, CODE.undefine, (to) => passwordSession(to.u32(OWNER).u32(index)));
}

export function incrementCommand(index: number): Buffer {
  return command(TAG.sessions, CODE.increment, (to) => passwordSession(to.u32(index).u32(index)));
}

export function readCommand(index: number): Buffer {
  return command(TAG.sessions, CODE.read, (to) => passwordSession(to.u32(index).u32(index)).u16(COUNTER_OCTETS).u16(0));
}

export function readPublicCommand(index: number): Buffer {
  return command(TAG.plain, CODE.readPublic, (to) => to.u32(index));
}

/** The response code: 0 when all went well. Throws `Failed('keys.counter-away')` for what is no answer of a TPM. */
export function responseCode(answer: Buffer): number {
  if (answer.length < 10 || answer.readUInt32BE(2) !== answer.length) throw senseless(answer);
  return answer.readUInt32BE(6);
}

export type PublicFacts = { readonly kind: 'undefined' } | { readonly kind: 'counter'; readonly written: boolean } | { readonly kind: 'other' };

/** What an answer to {@link readPublicCommand} says of the index. Throws `Failed('keys.counter-away')`. */
export function readPublicAnswer(answer: Buffer): PublicFacts {
  const code = responseCode(answer);
  if (code === UNDEFINED) return { kind: 'undefined' };
  if (code !== 0) throw refusedBy(code);
  const from = bodyOf(answer, 20);
  from.take(8);
  const attributes = from.u32();
  return (attributes & KIND_MASK) === KIND_COUNTER ? { kind: 'counter', written: (attributes & WRITTEN) !== 0 } : { kind: 'other' };
}

/** The counter's value. Throws `Failed('keys.counter-away')`. */
export function readAnswer(answer: Buffer): number {
  requireGood(answer);
  const from = bodyOf(answer, 14);
  from.u32();
  if (from.u16() !== COUNTER_OCTETS) throw senseless(answer);
  const value = from.u64();
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw senseless(answer);
  return Number(value);
}

/** Throws `Failed('keys.counter-away')` unless the command was carried out. */
export function requireGood(answer: Buffer): void {
  const code = responseCode(answer);
  if (code !== 0) throw refusedBy(code);
}

function command(tag: number, code: number, body: (to: ByteWriter) => unknown): Buffer {
  const to = new ByteWriter();
  body(to);
  const rest = to.finish();
  return Buffer.concat([new ByteWriter().u16(tag).u32(10 + rest.length).u32(code).finish(), rest]);
}

/** Empty nonce, no attributes, empty password. */
function passwordSession(to: ByteWriter): ByteWriter {
  return to.u32(9).u32(PASSWORD_SESSION).u16(0).u8(0).u16(0);
}

/** Behind the header, where at least so many octets must be. */
function bodyOf(answer: Buffer, octets: number): ByteReader {
  if (answer.length < 10 + octets) throw senseless(answer);
  return new ByteReader(answer, 10);
}

function refusedBy(code: number): Failed {
  return new Failed('keys.counter-away', 'the TPM does not do what its counter needs', {
    why: `it answers with the response code 0x${code.toString(16).padStart(3, '0')}`, fix: 'look it up with "tpm2_rc_decode"; it is tried again by itself',
  });
}

function senseless(answer: Buffer): Failed {
  return new Failed('keys.counter-away', 'the TPM gives no proper answer', { why: `${answer.length} octets: ${answer.subarray(0, 32).toString('hex')}`, fix: 'see that keys.counter.tpm names a TPM 2.0' });
}

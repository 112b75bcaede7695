// SPDX-License-Identifier: Apache-2.0
// The facts of receipt that the records of a run share, docs/FORMAT.md section 1.
import { hash } from 'node:crypto';
import { ByteReader, ByteWriter, Refused, invariant } from '@strongroom/bytes';

export const KIND = { data: 0, cut: 1, end: 2, event: 3, gap: 4 } as const;
export type RunKind = (typeof KIND)[keyof typeof KIND];

export const FLAG = { unreliable: 1, mayRepeat: 2 } as const;
export const FLAGS_ALL: number = FLAG.unreliable | FLAG.mayRepeat;

/** The error bound of a clock that nobody has measured. */
export const BOUND_UNKNOWN = 0xffff_ffff_ffff_ffffn;
export const NO_KEY: Buffer = Buffer.alloc(32);
const VERSION = 1;

/** What a service asserts of a run. Times and bounds in ns, UTC. */
export interface RunFacts {
  readonly kind: RunKind;
  readonly flags: number;
  readonly receivedAt: bigint;
  readonly bound: bigint;
  /** SPIFFE ID of the producer. */
  readonly source: string;
  /** SHA-256 of the producer's SubjectPublicKeyInfo; {@link NO_KEY} if none was shown. */
  readonly sourceKey: Buffer;
  readonly protocol: string;
  /** Address and port as seen, empty when local. */
  readonly peer: string;
  /** 16 random bytes. */
  readonly stream: Buffer;
  /** Of kind `cut` alone: the message as it was sent. */
  readonly cut?: { readonly fullLength: bigint; readonly fullHash: Buffer };
}

/** A run's facts with what the vault adds from its own knowledge. */
export interface Context extends RunFacts {
  readonly admittedAt: bigint;
  /** SPIFFE ID of the submitting service. */
  readonly asserter: string;
  /** 16 bytes, one life of that service. */
  readonly instance: Buffer;
}

export function encodeContext(context: Context): Buffer {
  invariant((context.kind === KIND.cut) === (context.cut !== undefined), 'receipt.cut', 'a cut record, and no other, tells of its whole message');
  const to = new ByteWriter(384);
  to.u8(VERSION).u8(context.kind).u8(context.flags);
  to.u64(context.receivedAt).u64(context.bound).u64(context.admittedAt);
  to.str16(context.asserter).bytes(context.instance);
  to.str16(context.source).bytes(context.sourceKey);
  to.str16(context.protocol).str16(context.peer).bytes(context.stream);
  if (context.cut !== undefined) to.u64(context.cut.fullLength).bytes(context.cut.fullHash);
  return to.finish();
}

/** Throws `Refused`: `receipt.version`, `receipt.kind`, `receipt.flags`, `bytes.*`. */
export function decodeContext(bytes: Buffer): Context {
  const from = new ByteReader(bytes);
  const version = from.u8();
  if (version !== VERSION) throw new Refused('receipt.version', `receipt version ${version} is not known`);
  const kind = from.u8();
  if (kind > KIND.gap) throw new Refused('receipt.kind', `run kind ${kind} is not known`);
  const flags = from.u8();
  if ((flags & ~FLAGS_ALL) !== 0) throw new Refused('receipt.flags', `flags ${flags} are not known`);
  const context: Context = {
    kind: kind as RunKind, flags, receivedAt: from.u64(), bound: from.u64(), admittedAt: from.u64(),
    asserter: from.str16(), instance: from.take(16), source: from.str16(), sourceKey: from.take(32),
    protocol: from.str16(), peer: from.str16(), stream: from.take(16),
    ...(kind === KIND.cut ? { cut: { fullLength: from.u64(), fullHash: from.take(32) } } : {}),
  };
  from.end();
  return context;
}

/** Octets before the asserter: version, kind, flags, three times. */
const CONTEXT_FIXED = 27;

/** Of an encoded context what it is most looked for by, as views and without a look at the rest. Throws `bytes.truncated`. */
export function contextParts(bytes: Buffer): { readonly kind: number; readonly source: Buffer; readonly protocol: Buffer; readonly stream: Buffer } {
  const from = new ByteReader(bytes, CONTEXT_FIXED);
  from.take(from.u16() + 16);
  const source = from.take(from.u16());
  from.take(32);
  const protocol = from.take(from.u16());
  from.take(from.u16());
  return { kind: bytes[1]!, source, protocol, stream: from.take(16) };
}

/** SHA-256 of a context: the first 32 octets of the receipts of its records. */
export function contextDigest(context: Buffer): Buffer {
  return hash('sha256', context, 'buffer');
}

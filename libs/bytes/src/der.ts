// SPDX-License-Identifier: Apache-2.0
// Distinguished Encoding Rules (ITU-T X.690, clauses 8, 10 and 11), as far as certificates need them:
//   TLV    = tag ‖ length ‖ content
//   tag    = one octet; the numbers 31 and above, which take more, are refused
//   length = 0xxxxxxx | 1000000n ‖ n octets, n ≤ 4, in the fewest octets
import { Refused, invariant } from './errors.ts';

export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of `[number]`, context class. */
export function derContextTag(number: number, constructed: boolean): number {
  invariant(number >= 0 && number < 31, 'der.tag', `a context tag cannot have the number ${number}`);
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

/**
 * Reads DER, strictly. Every method throws `Refused`: `der.truncated`, `der.length` (indefinite, or not in the fewest
 * octets), `der.tag` (another one than expected), `der.value` (content that DER does not allow), `der.trailing`.
 */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The next tag, or undefined at the end. */
  get next(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** The next element's content, a view. */
  content(tag: number): Buffer {
    return this.#element(tag).content;
  }

  /** The next element whole, tag and length included, a view. */
  whole(tag: number): Buffer {
    return this.#element(tag).whole;
  }

  /** A reader over the next element's content. Call `end()` on it. */
  enter(tag: number): DerReader {
    return new DerReader(this.content(tag));
  }

  /** The next element whole, whatever its tag, a view. */
  any(): Buffer {
    return this.#element(this.next).whole;
  }

  /** A whole number of any size, sign included. */
  integer(tag: number = derTag.integer): bigint {
    const content = this.content(tag);
    checkInteger(content);
    return BigInt.asIntN(content.length * 8, BigInt(`0x${content.toString('hex')}`));
  }

  boolean(): boolean {
    const content = this.content(derTag.boolean);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw value('a BOOLEAN is neither 00 nor FF');
    return content[0] === 0xff;
  }

  /** Dotted decimal. */
  oid(): string {
    return readOid(this.content(derTag.oid));
  }

  /** A BIT STRING of whole octets: keys and signatures. */
  bitString(): Buffer {
    const content = this.content(derTag.bitString);
    if (content[0] !== 0) throw value('a BIT STRING is not made of whole octets');
    return content.subarray(1);
  }

  /** The numbers of the bits that are set in a named bit list such as KeyUsage; bit 0 is the first octet's highest. */
  namedBits(): number[] {
    const [unused = 8, ...octets] = this.content(derTag.bitString);
    const spare = (octets.at(-1) ?? 0) & (2 ** unused - 1);
    if (unused > 7 || spare !== 0 || (octets.length === 0 && unused > 0)) throw value('a BIT STRING has spare bits that are not zero');
    return octets.flatMap((octet, at) => [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (octet & (0x80 >> bit)) !== 0).map((bit) => at * 8 + bit));
  }

  octetString(): Buffer {
    return this.content(derTag.octetString);
  }

  /** Throws `der.trailing` unless everything was read. */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new Refused('der.trailing', `${left} octets are left over after a DER value`);
  }

  #element(tag: number | undefined): { whole: Buffer; content: Buffer } {
    const start = this.#at;
    const found = this.next;
    if (found === undefined || found !== tag) throw wrongTag(tag, found, start);
    if ((found & 0x1f) === 0x1f) throw new Refused('der.tag', `the tag at offset ${start} takes more than one octet`);
    const { length, header } = readLength(this.#bytes, start + 1);
    const from = start + 1 + header;
    if (length > this.#bytes.length - from) {
      throw new Refused('der.truncated', `a DER value of ${length} octets has ${this.#bytes.length - from} left`);
    }
    this.#at = from + length;
    return { whole: this.#bytes.subarray(start, this.#at), content: this.#bytes.subarray(from, this.#at) };
  }
}

/** Reads exactly one element with this tag, nothing after it, and returns a reader over its content. */
export function derWhole(bytes: Buffer, tag: number = derTag.sequence): DerReader {
  const outer = new DerReader(bytes);
  const inner = outer.enter(tag);
  outer.end();
  return inner;
}

/** Any element from its tag and content. */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag]), writeLength(length), ...content]);
}

export function derSequence(...parts: readonly Uint8Array[]): Buffer {
  return der(derTag.sequence, ...parts);
}

/** SET OF: DER sorts the elements by their octets. */
export function derSet(...parts: readonly Uint8Array[]): Buffer {
  return der(derTag.set, ...parts.toSorted((a, b) => Buffer.compare(a, b)));
}

/** A whole number that is not negative; octets are taken as unsigned, big-endian. */
export function derInteger(number: number | bigint | Uint8Array): Buffer {
  const bytes = typeof number === 'object' ? Buffer.from(number) : unsigned(BigInt(number));
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const shortest = bytes.subarray(start);
  invariant(shortest.length > 0, 'der.value', 'an INTEGER needs an octet');
  return shortest[0]! >= 0x80 ? der(derTag.integer, Buffer.of(0), shortest) : der(derTag.integer, shortest);
}

export function derBoolean(yes: boolean): Buffer {
  return der(derTag.boolean, Buffer.of(yes ? 0xff : 0));
}

export function derNull(): Buffer {
  return der(derTag.null);
}

/** From dotted decimal. */
export function derOid(dotted: string): Buffer {
  const arcs = dotted.split('.').map(Number);
  invariant(arcs.length >= 2 && arcs.every(Number.isSafeInteger), 'der.value', `${dotted} is no object identifier`);
  const octets = [arcs[0]! * 40 + arcs[1]!, ...arcs.slice(2)].flatMap(base128);
  return der(derTag.oid, Buffer.from(octets));
}

/** `unused`: how many of the last octet's low bits do not count; they must be zero. */
export function derBitString(bytes: Uint8Array, unused = 0): Buffer {
  return der(derTag.bitString, Buffer.of(unused), bytes);
}

/** A named bit list such as KeyUsage: bit 0 is the first octet's highest; trailing zero bits are dropped (X.690 11.2.2). */
export function derNamedBits(bits: readonly number[]): Buffer {
  const highest = Math.max(-1, ...bits);
  const bytes = Buffer.alloc(Math.ceil((highest + 1) / 8));
  for (const bit of bits) bytes[bit >> 3]! |= 0x80 >> (bit & 7);
  return derBitString(bytes, (8 - ((highest + 1) % 8)) % 8);
}

export function derOctetString(bytes: Uint8Array): Buffer {
  return der(derTag.octetString, bytes);
}

export function derUtf8(text: string): Buffer {
  return der(derTag.utf8String, Buffer.from(text, 'utf8'));
}

/** Whole seconds; UTCTime through 2049 and GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5). */
export function derTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d{3}Z$/, 'Z').replace(/[-:T]/g, '');
  invariant(digits.length === 15, 'der.value', `${date.toISOString()} is no time that a certificate can carry`);
  const year = date.getUTCFullYear();
  if (year >= 1950 && year < 2050) return der(derTag.utcTime, Buffer.from(digits.slice(2), 'latin1'));
  return der(derTag.generalizedTime, Buffer.from(digits, 'latin1'));
}

function readLength(bytes: Buffer, at: number): { length: number; header: number } {
  const first = bytes[at];
  if (first === undefined) throw new Refused('der.truncated', 'a DER value ends after its tag');
  if (first < 0x80) return { length: first, header: 1 };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new Refused('der.length', count === 0 ? 'a length is indefinite, which is BER, not DER' : `a length takes ${count} octets, the limit is 4`);
  if (at + 1 + count > bytes.length) throw new Refused('der.truncated', 'a DER value ends inside its length');
  const length = bytes.readUIntBE(at + 1, count);
  if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new Refused('der.length', `the length ${length} is not written in the fewest octets`);
  return { length, header: 1 + count };
}

function writeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes = unsigned(BigInt(length));
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}

function unsigned(number: bigint): Buffer {
  invariant(number >= 0n, 'der.value', `${number} is negative`);
  const hex = number.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function checkInteger(content: Buffer): void {
  if (content.length === 0) throw value('an INTEGER is empty');
  const [first, second] = content;
  if (second === undefined) return;
  const padded = (first === 0 && second < 0x80) || (first === 0xff && second >= 0x80);
  if (padded) throw value('an INTEGER is not written in the fewest octets');
}

function readOid(content: Buffer): string {
  if (content.length === 0 || content.length > 64) throw value(`an OBJECT IDENTIFIER has ${content.length} octets, 1 to 64 are taken`);
  const arcs: number[] = [];
  let arc = 0;
  let inside = false;
  for (const octet of content) {
    if (!inside && octet === 0x80) throw value('an OBJECT IDENTIFIER is not written in the fewest octets');
    arc = arc * 128 + (octet & 0x7f);
    if (arc > 0xffff_ffff) throw value('an OBJECT IDENTIFIER has an arc above 32 bits');
    inside = octet >= 0x80;
    if (inside) continue;
    arcs.push(arc);
    arc = 0;
  }
  if (inside) throw value('an OBJECT IDENTIFIER ends inside an arc');
  const top = Math.min(2, Math.floor(arcs[0]! / 40));
  return [top, arcs[0]! - top * 40, ...arcs.slice(1)].join('.');
}

function base128(arc: number): number[] {
  const octets = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) octets.unshift(0x80 | (rest % 128));
  return octets;
}

function value(what: string): Refused {
  return new Refused('der.value', what);
}

function wrongTag(expected: number | undefined, found: number | undefined, at: number): Refused {
  const wanted = expected === undefined ? 'any' : `0x${expected.toString(16)}`;
  if (found === undefined) return new Refused('der.truncated', `a DER value with tag ${wanted} is missing at offset ${at}`);
  return new Refused('der.tag', `tag 0x${found.toString(16)} stands at offset ${at} where ${wanted} is expected`);
}

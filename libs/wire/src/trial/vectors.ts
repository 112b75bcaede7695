// SPDX-License-Identifier: Apache-2.0
// The form of the published vectors, libs/wire/vectors: what a stream holds, and what has to come out.
import type { Found } from './collect.ts';

/** Text stands for its latin-1 octets. */
export type Part = string | { readonly repeat: string; readonly times: number };

interface CutVector {
  readonly cut: readonly Part[];
  readonly fullLength: number;
  readonly sha256: string;
  readonly received: number;
  readonly reason: string;
}

export interface Vector {
  readonly name: string;
  readonly recordBytesMax?: number;
  readonly input: readonly Part[];
  readonly records: readonly (string | { readonly parts: readonly Part[] } | CutVector)[];
  readonly end?: string;
  readonly refused?: string;
  /** RELP: the session was opened before, with transaction 1. */
  readonly opened?: boolean;
  readonly outputBefore?: string;
  readonly output?: string;
}

export function octets(parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(typeof part === 'string' ? part : part.repeat.repeat(part.times), 'latin1')));
}

/** What a vector says has to come out, in a form that can be compared with {@link describe}. */
export function expected(vector: Vector): unknown[] {
  return vector.records.map((record) => {
    if (typeof record === 'string') return record;
    if ('parts' in record) return octets(record.parts).toString('latin1');
    return { ...record, cut: octets(record.cut).toString('latin1') };
  });
}

export function describe(found: readonly Found[]): unknown[] {
  return found.map((one) => {
    if (Buffer.isBuffer(one)) return one.toString('latin1');
    const { beginning, fullLength, fullHash, received, reason } = one;
    return { cut: beginning.toString('latin1'), fullLength, sha256: fullHash.toString('hex'), received, reason };
  });
}

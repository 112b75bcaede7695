// SPDX-License-Identifier: Apache-2.0
// A stream in which a service speaks for itself, docs/FORMAT.md section 1: its records are numbered from 0, and its end counts them.
import { randomBytes } from 'node:crypto';
import { KIND, type SubmittedRun } from '@strongroom/evidence';
import { UNMEASURED, type ReceiptClock, type Stamp } from '../clock/clock.ts';

export interface OwnStreamFacts {
  /** SPIFFE ID of the service. */
  readonly id: string;
  /** SHA-256, hexadecimal, of the service's public key. */
  readonly keyHash: string;
  readonly clock?: ReceiptClock;
}

export class OwnStream {
  readonly protocol: string;
  readonly #facts: OwnStreamFacts;
  readonly #id = randomBytes(16);
  #records = 0;
  #bytes = 0;

  constructor(protocol: string, facts: OwnStreamFacts) {
    this.protocol = protocol;
    this.#facts = facts;
  }

  /** So many that were given out. */
  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The next records, received now. */
  run(kind: SubmittedRun['kind'], records: readonly Buffer[]): SubmittedRun {
    return this.laid(kind, records, Uint32Array.from(records, (record) => record.length), this.stamp());
  }

  /** The next records as they lie, end to end, with what else their receipt says. */
  laid(kind: SubmittedRun['kind'], data: SubmittedRun['data'], lengths: Uint32Array, { at: receivedAt, bound }: Stamp, flags = 0, cut?: SubmittedRun['cut']): SubmittedRun {
    const { id, keyHash } = this.#facts;
    const firstSequence = this.#records;
    this.#records += lengths.length;
    this.#bytes += lengths.reduce((sum, length) => sum + length, 0);
    return {
      kind, flags, receivedAt, bound, source: id, sourceKey: Buffer.from(keyHash, 'hex'), protocol: this.protocol, peer: '', stream: this.#id,
      ...(cut === undefined ? {} : { cut }), firstSequence, lengths, data,
    };
  }

  /** The present moment, and how wrong that may be. */
  stamp(): Stamp {
    return (this.#facts.clock ?? UNMEASURED).stamp();
  }

  /** The end record. Nothing may follow it. */
  end(reason: string, flags = 0): SubmittedRun {
    const text = Buffer.from(JSON.stringify({ records: this.#records, bytes: this.#bytes, reason }));
    return this.laid(KIND.end, text, Uint32Array.of(text.length), this.stamp(), flags);
  }
}

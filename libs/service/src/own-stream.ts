// SPDX-License-Identifier: Apache-2.0
// A stream in which a service speaks for itself, docs/FORMAT.md section 1: its records are numbered from 0, and its end counts them.
import { randomBytes } from 'node:crypto';
import { KIND, type SubmittedRun } from '@strongroom/evidence';
import { UNMEASURED, type ReceiptClock } from './clock.ts';

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
    const { id, keyHash, clock = UNMEASURED } = this.#facts;
    const { at: receivedAt, bound } = clock.stamp();
    const firstSequence = this.#records;
    this.#records += records.length;
    this.#bytes += records.reduce((sum, record) => sum + record.length, 0);
    return {
      kind, flags: 0, receivedAt, bound, source: id, sourceKey: Buffer.from(keyHash, 'hex'), protocol: this.protocol, peer: '', stream: this.#id,
      firstSequence, lengths: Uint32Array.from(records, (record) => record.length), data: records,
    };
  }

  /** The end record. Nothing may follow it. */
  end(reason: string): SubmittedRun {
    return this.run(KIND.end, [Buffer.from(JSON.stringify({ records: this.#records, bytes: this.#bytes, reason }))]);
  }
}

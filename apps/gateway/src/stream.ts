// SPDX-License-Identifier: Apache-2.0
// One stream of records, docs/FORMAT.md section 1: numbers them from 0 and makes runs of them.
import { randomBytes } from 'node:crypto';
import { KIND, type SubmittedRun } from '@strongroom/evidence';
import type { ReceiptClock, Stamp } from '@strongroom/service';
import type { CutRecord } from '@strongroom/wire';

export interface StreamFacts {
  /** SPIFFE ID of the producer. */
  readonly id: string;
  /** SHA-256 of its SubjectPublicKeyInfo; zeros if it showed none. */
  readonly keyHash: Buffer;
  readonly protocol: string;
  readonly peer: string;
  readonly flags: number;
}

/**
 * Why a stream ended, in its end record. `-in-line`: its last line was not ended, and is kept as a record. `-in-frame`:
 * its last frame was not whole, and is kept cut.
 */
export type EndReason = `${
  // The producer closed, or its connection broke.
  | 'closed' | 'reset' | 'relp-close'
  // We closed: stopped, or it took too long, held too much, was refused by the framer or denied by the vault.
  | 'stopping' | 'frame-timeout' | 'idle-timeout' | 'frames-full' | `refused:${string}` | `denied:${string}` | 'tls-on-plain-port'
  // Its source may no longer send.
  | 'revoked' | 'unknown' | 'other-key'
  // Datagrams: silent for a minute, or silent longest when another address needed room.
  | 'silent' | 'made-room'
}${'' | '-in-line' | '-in-frame'}`;

export class ProducerStream {
  readonly facts: StreamFacts;
  readonly id = randomBytes(16);
  readonly #clock: ReceiptClock;
  #records = 0;
  #bytes = 0;

  constructor(facts: StreamFacts, clock: ReceiptClock) {
    this.facts = facts;
    this.#clock = clock;
  }

  /** Records taken so far. */
  get records(): number {
    return this.#records;
  }

  /** Consecutive records, `bytes` octets together, received at one moment. */
  data(received: Stamp, lengths: Uint32Array, data: readonly Buffer[], bytes: number): SubmittedRun {
    return this.#run(KIND.data, received, lengths, data, bytes);
  }

  cut(received: Stamp, { beginning, fullLength, fullHash }: CutRecord): SubmittedRun {
    const run = this.#run(KIND.cut, received, Uint32Array.of(beginning.length), beginning, beginning.length);
    return { ...run, cut: { fullLength: BigInt(fullLength), fullHash } };
  }

  /** The end record. Nothing may follow it. */
  end(reason: EndReason): SubmittedRun {
    const text = Buffer.from(JSON.stringify({ records: this.#records, bytes: this.#bytes, reason }));
    return this.#run(KIND.end, this.#clock.stamp(), Uint32Array.of(text.length), text, text.length);
  }

  #run(kind: SubmittedRun['kind'], { at: receivedAt, bound }: Stamp, lengths: Uint32Array, data: SubmittedRun['data'], bytes: number): SubmittedRun {
    const { id: source, keyHash: sourceKey, protocol, peer, flags } = this.facts;
    const firstSequence = this.#records;
    this.#records += lengths.length;
    this.#bytes += bytes;
    return { kind, flags, receivedAt, bound, source, sourceKey, protocol, peer, stream: this.id, firstSequence, lengths, data };
  }
}

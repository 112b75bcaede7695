// SPDX-License-Identifier: Apache-2.0
// Records of protocol "coverage" on the supervisor's line to the vault, each heartbeat with itself as the resume token.
import { randomBytes } from 'node:crypto';
import { KIND, type SubmittedRun } from '@strongroom/evidence';
import type { ReceiptClock, SubmitClient } from '@strongroom/service';
import { COVERAGE_PROTOCOL, encodeCoverage, encodeResume, type CoverageRecord } from '@strongroom/service/coverage';

/** What may wait for the vault, in records: at a heartbeat a minute more than two days. Beyond it heartbeats are missing, and that shows. */
const WAITING_MAX = 4096;

export interface CoverageStreamFacts {
  /** SPIFFE ID of the service, and the SHA-256, hexadecimal, of its public key. */
  readonly id: string;
  readonly keyHash: string;
  readonly clock: ReceiptClock;
}

export class CoverageStream {
  readonly #client: SubmitClient;
  readonly #facts: CoverageStreamFacts;
  readonly #stream = randomBytes(16);
  #sequence = 0;
  #bytes = 0;
  #waiting = 0;

  constructor(client: SubmitClient, facts: CoverageStreamFacts) {
    this.#client = client;
    this.#facts = facts;
  }

  /** Never waits and never fails. A heartbeat waits up to a second for others to be sealed with. */
  seal(record: CoverageRecord): void {
    if (this.#waiting >= WAITING_MAX) return;
    const raw = encodeCoverage(record);
    const token = record.type === 'heartbeat' ? encodeResume({ ...record, stopped: record.state === 'stopped' }) : undefined;
    this.#submit(this.#run(KIND.data, raw), token, record.type !== 'heartbeat' || record.state === 'stopped');
    this.#sequence += 1;
    this.#bytes += raw.length;
  }

  /** Has the stream's end sealed; nothing follows. */
  close(): void {
    this.#submit(this.#run(KIND.end, Buffer.from(JSON.stringify({ records: this.#sequence, bytes: this.#bytes, reason: 'stopped' }))), undefined, true);
  }

  #submit(run: SubmittedRun, token: Buffer | undefined, awaited: boolean): void {
    this.#waiting += 1;
    const settled = (): void => { this.#waiting -= 1; };
    this.#client.submit([run], token, awaited).then(settled, settled);
  }

  #run(kind: SubmittedRun['kind'], raw: Buffer): SubmittedRun {
    const { at: receivedAt, bound } = this.#facts.clock.stamp();
    return {
      kind, flags: 0, receivedAt, bound, source: this.#facts.id, sourceKey: Buffer.from(this.#facts.keyHash, 'hex'),
      protocol: COVERAGE_PROTOCOL, peer: '', stream: this.#stream, firstSequence: this.#sequence, lengths: Uint32Array.of(raw.length), data: [raw],
    };
  }
}

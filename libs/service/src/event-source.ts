// SPDX-License-Identifier: Apache-2.0
// A service's own events as evidence: kind 3 records of one stream of protocol "event", docs/FORMAT.md section 1.
import { randomBytes } from 'node:crypto';
import { KIND, type SubmittedRun } from '@strongroom/evidence';
import { UNMEASURED, type ReceiptClock } from './clock.ts';
import { makeEvent, type Fields, type Level } from './events.ts';
import type { SubmitClient } from './submit.ts';

/** Events that may wait for the vault. More are counted, and the count is sealed when there is room again. */
const WAITING_MAX = 4096;

export interface EventSourceFacts {
  readonly service: string;
  /** SPIFFE ID of the service. */
  readonly id: string;
  /** SHA-256, hexadecimal, of the service's public key. */
  readonly keyHash: string;
  readonly clock?: ReceiptClock;
}

export class EventSource {
  readonly #client: SubmitClient;
  readonly #facts: EventSourceFacts;
  readonly #stream = randomBytes(16);
  #sequence = 0;
  #bytes = 0;
  #lost = 0;
  #unacked = 0;
  #waiting: Buffer[] = [];
  #closed = false;

  constructor(client: SubmitClient, facts: EventSourceFacts) {
    this.#client = client;
    this.#facts = facts;
  }

  /** Has an event sealed. Never waits and never fails: what cannot wait any longer is counted and told later. */
  seal(event: string, level: Level, fields?: Fields): void {
    if (this.#closed) return;
    if (this.#waiting.length + this.#unacked >= WAITING_MAX) {
      this.#lost += 1;
      return;
    }
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    this.#add(event, level, fields);
  }

  /** Seals what waits and the end of the stream. Resolves when it is durable; the client stays open. */
  async close(reason: string): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#flush();
    const text = JSON.stringify({ records: this.#sequence, bytes: this.#bytes, reason });
    await this.#client.submit([this.#run(KIND.end, [Buffer.from(text)])]);
  }

  #add(event: string, level: Level, fields?: Fields): void {
    this.#waiting.push(Buffer.from(JSON.stringify(makeEvent(this.#facts.service, event, level, fields))));
  }

  #flush(): void {
    if (this.#lost > 0) {
      this.#add('service.events-lost', 'error', { count: this.#lost });
      this.#lost = 0;
    }
    const records = this.#waiting;
    if (records.length === 0) return;
    this.#waiting = [];
    this.#unacked += records.length;
    this.#client.submit([this.#run(KIND.event, records)]).then(() => this.#settled(records.length), () => undefined);
    this.#sequence += records.length;
    this.#bytes += records.reduce((sum, record) => sum + record.length, 0);
  }

  #settled(count: number): void {
    this.#unacked -= count;
    if (this.#lost > 0 && this.#waiting.length === 0 && !this.#closed) this.#flush();
  }

  #run(kind: SubmittedRun['kind'], records: readonly Buffer[]): SubmittedRun {
    const { at: receivedAt, bound } = (this.#facts.clock ?? UNMEASURED).stamp();
    return {
      kind, flags: 0, receivedAt, bound, source: this.#facts.id,
      sourceKey: Buffer.from(this.#facts.keyHash, 'hex'), protocol: 'event', peer: '', stream: this.#stream,
      firstSequence: this.#sequence, lengths: Uint32Array.from(records, (record) => record.length), data: records,
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
// A service's own events as evidence: kind 3 records of one stream of protocol "event", docs/FORMAT.md section 1.
import { KIND } from '@strongroom/evidence';
import { makeEvent, type Fields, type Level } from '../facts/events.ts';
import { OwnStream, type OwnStreamFacts } from './own-stream.ts';
import type { SubmitClient } from './submit.ts';

/** Events that may wait for the vault. More are counted, and the count is sealed when there is room again. */
const WAITING_MAX = 4096;

export interface EventSourceFacts extends OwnStreamFacts {
  readonly service: string;
}

export class EventSource {
  readonly #client: SubmitClient;
  readonly #service: string;
  readonly #stream: OwnStream;
  #lost = 0;
  #unacked = 0;
  #waiting: Buffer[] = [];
  #closed = false;

  constructor(client: SubmitClient, facts: EventSourceFacts) {
    this.#client = client;
    this.#service = facts.service;
    this.#stream = new OwnStream('event', facts);
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
    await this.#client.submit([this.#stream.end(reason)]);
  }

  #add(event: string, level: Level, fields?: Fields): void {
    this.#waiting.push(Buffer.from(JSON.stringify(makeEvent(this.#service, event, level, fields))));
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
    this.#client.submit([this.#stream.run(KIND.event, records)]).then(() => this.#settled(records.length), () => undefined);
  }

  #settled(count: number): void {
    this.#unacked -= count;
    if (this.#lost > 0 && this.#waiting.length === 0 && !this.#closed) this.#flush();
  }
}

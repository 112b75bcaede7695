// SPDX-License-Identifier: Apache-2.0
// Records of one protocol on their way to the vault: one stream for each life, numbered from 0. What is urgent leaves at once,
// the rest gathers for a second. What can wait no longer is counted, and the count is sealed.
import { randomBytes } from 'node:crypto';
import { KIND, type SubmittedRun } from '@strongroom/evidence';
import type { ReceiptClock, SubmitClient } from '@strongroom/service';

const GATHER_MS = 1000;
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

export interface RecordFacts {
  /** SPIFFE ID of the service, and SHA-256 of its public key, hexadecimal. */
  readonly id: string;
  readonly keyHash: string;
  readonly clock: ReceiptClock;
}

export type Told = Readonly<Record<string, unknown>> & { readonly type: string };
type Line = Pick<SubmitClient, 'submit'>;

export class Records {
  readonly protocol: string;
  readonly #line: Line;
  readonly #facts: RecordFacts;
  readonly #onLost: (count: number) => void;
  readonly #stream = randomBytes(16);
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #unackedBytes = 0;
  #urgent = false;
  #leaves: NodeJS.Timeout | undefined;
  #sequence = 0;
  #bytes = 0;
  #lost = 0;
  #closed = false;

  constructor(line: Line, protocol: string, facts: RecordFacts, onLost: (count: number) => void) {
    this.#line = line;
    this.protocol = protocol;
    this.#facts = facts;
    this.#onLost = onLost;
  }

  /** Never waits and never fails. */
  add(told: Told, urgent: boolean): void {
    if (this.#closed) return;
    const record = Buffer.from(JSON.stringify(told));
    if (this.#waitingBytes + this.#unackedBytes + record.length > WAITING_BYTES_MAX) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(record);
    this.#waitingBytes += record.length;
    if (urgent && !this.#urgent) {
      this.#urgent = true;
      setImmediate(() => this.#flush());
    }
    this.#leaves ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  get values(): Record<string, number> {
    return { [`${this.protocol}Records`]: this.#sequence, [`${this.protocol}Bytes`]: this.#bytes };
  }

  /** Seals what waits and the end of the stream. Resolves when it is durable. */
  async close(reason: string): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    const end = JSON.stringify({ records: this.#sequence, bytes: this.#bytes, reason });
    await this.#line.submit([this.#run(KIND.end, [Buffer.from(end)])]);
  }

  #flush(): void {
    clearTimeout(this.#leaves);
    this.#leaves = undefined;
    const [records, urgent, bytes] = [this.#waiting, this.#urgent, this.#waitingBytes];
    [this.#waiting, this.#urgent, this.#waitingBytes] = [[], false, 0];
    if (records.length === 0) return;
    this.#unackedBytes += bytes;
    this.#line.submit([this.#run(KIND.data, records)], undefined, urgent).then(() => this.#settled(bytes), () => undefined);
    this.#sequence += records.length;
    this.#bytes += bytes;
  }

  #settled(bytes: number): void {
    this.#unackedBytes -= bytes;
    if (this.#lost === 0) return;
    this.#onLost(this.#lost);
    this.#lost = 0;
  }

  #run(kind: SubmittedRun['kind'], records: readonly Buffer[]): SubmittedRun {
    const { id, keyHash, clock } = this.#facts;
    const { at: receivedAt, bound } = clock.stamp();
    return {
      kind, flags: 0, receivedAt, bound, source: id, sourceKey: Buffer.from(keyHash, 'hex'), protocol: this.protocol, peer: '', stream: this.#stream,
      firstSequence: this.#sequence, lengths: Uint32Array.from(records, (record) => record.length), data: records.length === 1 ? records[0]! : Buffer.concat(records),
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
// Records of one protocol on their way to the vault: one stream for each life, numbered from 0. What is urgent leaves at once,
// the rest gathers for a second. What can wait no longer is counted, and the count is sealed.
import { KIND } from '@strongroom/evidence';
import { OwnStream, type OwnStreamFacts, type SubmitClient } from '@strongroom/service';

const GATHER_MS = 1000;
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

export type Told = Readonly<Record<string, unknown>> & { readonly type: string };
type Line = Pick<SubmitClient, 'submit'>;

export class Records {
  readonly #line: Line;
  readonly #stream: OwnStream;
  readonly #onLost: (count: number) => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #unackedBytes = 0;
  #urgent = false;
  #leaves: NodeJS.Timeout | undefined;
  #lost = 0;
  #closed = false;

  constructor(line: Line, protocol: string, facts: OwnStreamFacts, onLost: (count: number) => void) {
    this.#line = line;
    this.#stream = new OwnStream(protocol, facts);
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
    const { protocol, records, bytes } = this.#stream;
    return { [`${protocol}Records`]: records, [`${protocol}Bytes`]: bytes };
  }

  /** Seals what waits and the end of the stream. Resolves when it is durable. */
  async close(reason: string): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    await this.#line.submit([this.#stream.end(reason)]);
  }

  #flush(): void {
    clearTimeout(this.#leaves);
    this.#leaves = undefined;
    const [records, urgent, bytes] = [this.#waiting, this.#urgent, this.#waitingBytes];
    [this.#waiting, this.#urgent, this.#waitingBytes] = [[], false, 0];
    if (records.length === 0) return;
    this.#unackedBytes += bytes;
    this.#line.submit([this.#stream.run(KIND.data, records)], undefined, urgent).then(() => this.#settled(bytes), () => undefined);
  }

  #settled(bytes: number): void {
    this.#unackedBytes -= bytes;
    if (this.#lost === 0) return;
    this.#onLost(this.#lost);
    this.#lost = 0;
  }
}

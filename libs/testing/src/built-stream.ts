// SPDX-License-Identifier: Apache-2.0
// Records of a source, as batches of a built store take them.
import { hash, randomBytes } from 'node:crypto';
import { KIND, encodeContext, type BatchRun, type Context } from '@strongroom/evidence';

/** A run in the form that a batch takes, with the time that its manifest needs. */
export interface BuiltRun extends BatchRun {
  readonly receivedAt: bigint;
}

/** Gives nanoseconds, rising with each call. */
export interface Ticking {
  tick(): bigint;
}

/** A source's connection for tests: gives runs whose records follow one another. */
export class BuiltStream {
  readonly #clock: Ticking;
  readonly #source: string;
  readonly #stream: Buffer = randomBytes(16);
  readonly #instance: Buffer = randomBytes(16);
  #next = 0;
  #bytes = 0;

  constructor(clock: Ticking, source = 'web-01') {
    this.#clock = clock;
    this.#source = source;
  }

  run(records: readonly (Buffer | string)[], facts: Partial<Context> = {}): BuiltRun {
    const raws = records.map((record) => Buffer.from(record));
    const lengths = Buffer.alloc(4 * raws.length);
    raws.forEach((raw, i) => lengths.writeUInt32BE(raw.length, 4 * i));
    const receivedAt = this.#clock.tick();
    const context = encodeContext({
      kind: KIND.data, flags: 0, receivedAt, bound: 50_000n, admittedAt: receivedAt + 100n, asserter: 'spiffe://test/service/gateway', instance: this.#instance,
      source: `spiffe://test/source/${this.#source}`, sourceKey: hash('sha256', this.#source, 'buffer'), protocol: 'syslog-tls', peer: '192.0.2.7:40404', stream: this.#stream, ...facts,
    });
    const run = { context, receivedAt: facts.receivedAt ?? receivedAt, firstSequence: this.#next, count: raws.length, lengths, data: Buffer.concat(raws) };
    this.#next += raws.length;
    this.#bytes += run.data.length;
    return run;
  }

  /** The counted end record. */
  end(): BuiltRun {
    return this.run([JSON.stringify({ records: this.#next, bytes: this.#bytes, reason: 'closed' })], { kind: KIND.end });
  }
}

/** A message as a producer would send it. */
export function syslogMessage(number: number, length = 0): string {
  const message = `<134>1 2026-09-21T14:13:${String(number % 60).padStart(2, '0')}.000Z web-01 sshd ${1000 + (number % 9000)} - - Failed password for invalid user u${number} from 192.0.2.${number % 256}`;
  return message.padEnd(length, '.');
}

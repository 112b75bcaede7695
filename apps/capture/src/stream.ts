// SPDX-License-Identifier: Apache-2.0
// A local stream: one feed during one life of capture. Its records are numbered from 0; how the kernel and the journal
// number theirs stands in the raw bytes. A life never spans two boots, so neither does a stream.
import { FLAG, KIND, type SubmittedRun } from '@strongroom/evidence';
import { makeEvent, OwnStream, type Fields, type ReceiptClock, type Stamp } from '@strongroom/service';
import { EVENTS, type EventName, type Say } from './events.ts';
import { observe, type Cut, type Observed } from './observed.ts';

export interface Self {
  /** Our SPIFFE ID: capture speaks for the host under its own name. */
  readonly id: string;
  /** SHA-256 of our public key. */
  readonly keyHash: Buffer;
}

export class LocalStream {
  readonly protocol: string;
  readonly #own: OwnStream;
  readonly #log: Say;
  #flags: number;

  /** `log` is told of events; `mayRepeat`: its records may have been sealed in an earlier stream already. */
  constructor(self: Self, protocol: string, log: Say, mayRepeat = false, clock?: ReceiptClock) {
    this.#own = new OwnStream(protocol, { id: self.id, keyHash: self.keyHash.toString('hex'), ...(clock === undefined ? {} : { clock }) });
    this.#log = log;
    this.protocol = protocol;
    this.#flags = mayRepeat ? FLAG.mayRepeat : 0;
  }

  /** From here on, records may have been sealed already. */
  mayRepeat(): void {
    this.#flags = FLAG.mayRepeat;
  }

  /** Runs for records in order: consecutive whole ones share a run, a cut one has its own. All were read by now. */
  take(records: readonly Observed[]): SubmittedRun[] {
    const at = this.#own.stamp();
    const runs: SubmittedRun[] = [];
    let whole: Buffer[] = [];
    const close = (): void => {
      if (whole.length > 0) runs.push(this.#run(KIND.data, whole, at));
      whole = [];
    };
    for (const { raw, cut } of records) {
      if (cut === undefined) {
        whole.push(raw);
        continue;
      }
      close();
      runs.push(this.#run(KIND.cut, [raw], at, cut));
    }
    close();
    return runs;
  }

  /**
   * Runs for records that lie end to end; those of more than `limit` octets are cut. `again`: they may have been sealed already,
   * as those before and after have not.
   */
  takeLaid(data: Buffer, lengths: Uint32Array, limit: number, again = false): SubmittedRun[] {
    const flags = this.#flags;
    if (again) this.#flags = FLAG.mayRepeat;
    const runs = this.#takeLaid(data, lengths, limit);
    this.#flags = flags;
    return runs;
  }

  #takeLaid(data: Buffer, lengths: Uint32Array, limit: number): SubmittedRun[] {
    if (lengths.every((length) => length <= limit)) return [this.#laid(KIND.data, data, lengths, this.#own.stamp())];
    let at = 0;
    return this.take(Array.from(lengths, (length) => observe(data.subarray(at, at += length), limit)));
  }

  /** An event at its place among the records, so that it is sealed together with them. */
  event(name: EventName, fields: Fields): SubmittedRun {
    this.#log(name, fields);
    return this.#run(KIND.event, [Buffer.from(JSON.stringify(makeEvent('capture', name, EVENTS[name], fields)))], this.#own.stamp());
  }

  /** The end record, docs/FORMAT.md section 1. Nothing may follow it. */
  end(reason: string): SubmittedRun {
    return this.#own.end(reason, this.#flags);
  }

  #run(kind: SubmittedRun['kind'], records: readonly Buffer[], received: Stamp, cut?: Cut): SubmittedRun {
    return this.#laid(kind, records.length === 1 ? records[0]! : Buffer.concat(records), Uint32Array.from(records, (record) => record.length), received, cut);
  }

  #laid(kind: SubmittedRun['kind'], data: Buffer, lengths: Uint32Array, received: Stamp, cut?: Cut): SubmittedRun {
    return this.#own.laid(kind, data, lengths, received, this.#flags, cut);
  }
}

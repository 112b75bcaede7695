// SPDX-License-Identifier: Apache-2.0
// For tests: the line to a vault that seals what it is told to, in memory.
import { KIND, type SubmittedRun } from '@strongroom/evidence';
import type { Denied } from '@strongroom/service';

export interface Sealed {
  readonly runs: readonly SubmittedRun[];
  readonly token: Buffer;
  readonly urgent: boolean;
}

export class SealedLine {
  /** Submissions in order, acknowledged or not. */
  readonly submissions: Sealed[] = [];
  /** While true nothing is acknowledged. */
  held = false;
  /** Streams to deny, hexadecimal, with the code. */
  readonly denies = new Map<string, string>();
  full = false;
  #waiting: (() => void)[] = [];

  async submit(runs: readonly SubmittedRun[], token: Buffer, urgent: boolean): Promise<readonly Denied[]> {
    const number = this.submissions.push({ runs, token, urgent });
    if (this.held) await new Promise<void>((resolve) => { this.#waiting.push(resolve); });
    const streams = new Map(runs.map((run) => [run.stream.toString('hex'), run.stream]));
    return [...this.denies].flatMap(([id, code]) => (streams.has(id) ? [{ number, stream: streams.get(id)!, code }] : []));
  }

  /** Acknowledges what is held, and all that follows. */
  release(): void {
    this.held = false;
    this.full = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async whenReady(): Promise<void> {
    if (this.full) await new Promise<void>((resolve) => { this.#waiting.push(resolve); });
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  /** The token of the newest submission; empty before the first. */
  get token(): Buffer {
    return this.submissions.at(-1)?.token ?? Buffer.alloc(0);
  }

  /** All records in order, each with its run. */
  records(): { run: SubmittedRun; sequence: number; raw: Buffer }[] {
    return this.submissions.flatMap(({ runs }) => runs.flatMap((run) => {
      const parts = Buffer.isBuffer(run.data) ? [run.data] : run.data;
      const data = Buffer.concat(parts);
      let at = 0;
      return Array.from(run.lengths, (length, index) => ({ run, sequence: run.firstSequence + index, raw: data.subarray(at, at += length) }));
    }));
  }

  /** Raw bytes of data and cut records of a protocol, as text. */
  texts(protocol: string): string[] {
    return this.records().filter(({ run }) => run.protocol === protocol && (run.kind === KIND.data || run.kind === KIND.cut)).map(({ raw }) => raw.toString());
  }

  /** Events among the records. */
  events(): { event: string; level: string; fields: Record<string, unknown> }[] {
    return this.records().filter(({ run }) => run.kind === KIND.event).map(({ raw }) => JSON.parse(raw.toString()) as { event: string; level: string; fields: Record<string, unknown> });
  }
}

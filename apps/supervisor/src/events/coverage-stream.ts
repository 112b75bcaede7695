// SPDX-License-Identifier: Apache-2.0
// Records of protocol "coverage" on the supervisor's line to the vault, each heartbeat with itself as the resume token.
import { KIND, type SubmittedRun } from '@strongroom/evidence';
import { OwnStream, type OwnStreamFacts, type SubmitClient } from '@strongroom/service';
import { COVERAGE_PROTOCOL, encodeCoverage, encodeResume, type CoverageRecord } from '@strongroom/service/coverage';

/** What may wait for the vault, in records: at a heartbeat a minute more than two days. Beyond it heartbeats are missing, and that shows. */
const WAITING_MAX = 4096;

export class CoverageStream {
  readonly #client: SubmitClient;
  readonly #stream: OwnStream;
  #waiting = 0;

  constructor(client: SubmitClient, facts: OwnStreamFacts) {
    this.#client = client;
    this.#stream = new OwnStream(COVERAGE_PROTOCOL, facts);
  }

  /** Never waits and never fails. A heartbeat waits up to a second for others to be sealed with. */
  seal(record: CoverageRecord): void {
    if (this.#waiting >= WAITING_MAX) return;
    const token = record.type === 'heartbeat' ? encodeResume({ ...record, stopped: record.state === 'stopped' }) : undefined;
    this.#submit(this.#stream.run(KIND.data, [encodeCoverage(record)]), token, record.type !== 'heartbeat' || record.state === 'stopped');
  }

  /** Has the stream's end sealed; nothing follows. */
  close(): void {
    this.#submit(this.#stream.end('stopped'), undefined, true);
  }

  #submit(run: SubmittedRun, token: Buffer | undefined, awaited: boolean): void {
    this.#waiting += 1;
    const settled = (): void => { this.#waiting -= 1; };
    this.#client.submit([run], token, awaited).then(settled, settled);
  }
}

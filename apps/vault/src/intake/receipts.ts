// SPDX-License-Identifier: Apache-2.0
// Where the runs of a submission came to lie, for services that asked for it with the submission; nobody else pays for it.
import { decodeContext, encodeReceipt, type RunPlace } from '@strongroom/evidence';
import type { AdmittedRun } from './admission.ts';

/** What is told of a batch that is committed. */
export interface SealedRuns {
  readonly runs: readonly AdmittedRun[];
}

interface Wanted {
  readonly instance: string;
  readonly number: number;
  readonly runs: readonly AdmittedRun[];
}

export class Receipts {
  readonly #tell: (instance: string, receipt: Buffer) => void;
  /** In the order of admission, which is that of commits; as bounded as what may wait. */
  #wanted: Wanted[] = [];

  constructor(tell: (instance: string, receipt: Buffer) => void) {
    this.#tell = tell;
  }

  want(instance: string, number: number, runs: readonly AdmittedRun[]): void {
    if (runs.length > 0) this.#wanted.push({ instance, number, runs });
  }

  /** Told before the acknowledgements of the same cycle. A submission is never divided between cycles. */
  sealed(batches: readonly SealedRuns[], first: number, checkpoint: string): void {
    if (this.#wanted.length === 0) return;
    const places = placesOf(batches, first);
    const done = this.#wanted.filter(({ runs }) => places.has(runs[0]!));
    this.#wanted = this.#wanted.filter(({ runs }) => !places.has(runs[0]!));
    for (const { instance, number, runs } of done) this.#tell(instance, encodeReceipt(number, first + batches.length, checkpoint, runs.map((run) => placeOf(run, places.get(run)!))));
  }
}

type Place = Pick<RunPlace, 'entry' | 'record'>;

function placeOf(run: AdmittedRun, place: Place): RunPlace {
  return { stream: decodeContext(run.context).stream, firstSequence: run.firstSequence, count: run.count, ...place };
}

function placesOf(batches: readonly SealedRuns[], first: number): Map<AdmittedRun, Place> {
  const places = new Map<AdmittedRun, Place>();
  for (const [i, { runs }] of batches.entries()) {
    let record = 0;
    for (const run of runs) {
      places.set(run, { entry: first + i, record });
      record += run.count;
    }
  }
  return places;
}

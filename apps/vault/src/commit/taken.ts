// SPDX-License-Identifier: Apache-2.0
// What a cycle took from the queue, by what is made of it: batches of one class each, and one state of each life of a service.
import type { ProducerState } from '@strongroom/evidence';
import type { Admitted, AdmittedRun } from '../intake/admission.ts';

/** Runs by retention class, in order within each; mostly there is one. */
export function groupByClass(taken: readonly Admitted[]): Map<string, AdmittedRun[]> {
  const groups = new Map<string, AdmittedRun[]>();
  for (const { runs } of taken) {
    for (const run of runs) {
      const group = groups.get(run.retentionClass);
      if (group === undefined) groups.set(run.retentionClass, [run]);
      else group.push(run);
    }
  }
  return groups;
}

/** The last state of each life, with the last token that it gave, and all that was denied. */
export function merge(taken: readonly Admitted[]): ProducerState[] {
  const byInstance = Map.groupBy(taken.flatMap(({ state }) => state ?? []), ({ instance }) => instance.toString('latin1'));
  return [...byInstance.values()].map((states) => {
    const last = states.at(-1)!;
    if (states.length === 1) return last;
    const { token } = states.findLast((state) => state.token.length > 0) ?? last;
    return { ...last, token, streams: lastOf(states.flatMap(({ streams }) => streams)), denials: states.flatMap(({ denials }) => denials) };
  });
}

function lastOf(streams: ProducerState['streams']): ProducerState['streams'] {
  return [...new Map(streams.map((stream) => [stream.stream.toString('latin1'), stream])).values()];
}

// SPDX-License-Identifier: Apache-2.0
// One leg: a load into one system, measured from outside between the first event sent and the last one kept.
import { setInterval } from 'node:timers/promises';
import { Generator, type Load, type Times } from './load.ts';
import { cpuSeconds, processName, processTree, proportionalBytes } from './processes.ts';
import { timesUntil } from './statistics.ts';
import type { Subject, SubjectName } from './subject.ts';

const MEMORY_POLL_MS = 500;

export interface Leg {
  readonly subject: SubjectName;
  readonly sent: number;
  readonly kept: number;
  readonly eventsPerSecond: number;
  readonly eventsPerCpuSecond: number;
  /** CPU µs for each event, by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
  readonly generatorCpuUs: number;
  /** Most seen, all processes together; null when it cannot be seen. */
  readonly peakBytes: number | null;
  /** RELP: until it is acknowledged. Syslog at a given rate: until it is kept. */
  readonly ack: Times | undefined;
}

/** Runs it. Throws `Failed('bench.load')` when the system takes no more. */
export async function runLeg(subject: Subject, load: Load): Promise<Leg> {
  await subject.begin();
  const generator = await Generator.prepare(load);
  const memory = watchMemory(subject.pid);
  try {
    const tree = processTree(subject.pid);
    const before = new Map(tree.map((pid) => [pid, cpuSeconds([pid])]));
    const start = cpuSeconds(tree);
    const sending = generator.run();
    const [result, kept] = await Promise.all([sending, subject.kept(load.kind === 'syslog' ? load.events : null, sending)]);
    const used = cpuSeconds(processTree(subject.pid)) - start;
    const endNs = load.kind === 'syslog' ? kept.atNs : result.lastAtNs;
    return {
      subject: subject.name, sent: result.events, kept: kept.events, ack: result.ack ?? timesUntil(result.due, kept.course), peakBytes: await memory.stop(),
      eventsPerSecond: result.events / (Number(endNs - result.firstAtNs) / 1e9), eventsPerCpuSecond: result.events / used,
      cpuUs: byProcess(before, result.events), generatorCpuUs: (result.cpuSeconds * 1e6) / result.events,
    };
  } finally {
    generator.stop();
    await memory.stop();
  }
}

function byProcess(before: ReadonlyMap<number, number>, events: number): Record<string, number> {
  const used: Record<string, number> = {};
  for (const [pid, seconds] of before) {
    const name = processName(pid);
    used[name] = (used[name] ?? 0) + ((cpuSeconds([pid]) - seconds) * 1e6) / events;
  }
  return used;
}

/** Sums the memory of a process tree twice a second until it is stopped. */
function watchMemory(root: number): { readonly stop: () => Promise<number | null> } {
  const ending = new AbortController();
  let peak: number | null = null;
  const look = (): void => {
    const bytes = proportionalBytes(processTree(root));
    if (bytes !== null) peak = Math.max(peak ?? 0, bytes);
  };
  const looking = (async () => {
    for await (const _ of setInterval(MEMORY_POLL_MS, undefined, { signal: ending.signal })) look();
  })().catch((error: unknown) => { if (!ending.signal.aborted) throw error; });
  return { stop: async () => { look(); ending.abort(); await looking; return peak; } };
}

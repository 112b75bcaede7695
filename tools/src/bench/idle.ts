// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, processTree, proportionalBytes } from './processes.ts';
import type { Subject, SubjectName } from './subject.ts';

export interface Idle {
  readonly subject: SubjectName;
  readonly bytes: number | null;
  /** Share of one core, 0 to 1. */
  readonly cpu: number;
}

/** What each takes while nothing comes: after `seconds` of settling, over as many. All at once, since none disturbs another. */
export async function measureIdle(subjects: readonly Subject[], seconds: number): Promise<Idle[]> {
  await delay(seconds * 1000);
  const cpu = (): number[] => subjects.map(({ pid }) => cpuSeconds(processTree(pid)));
  const [before, start] = [cpu(), performance.now()];
  await delay(seconds * 1000);
  const [after, elapsed] = [cpu(), (performance.now() - start) / 1000];
  return subjects.map(({ name, pid }, index) => ({ subject: name, bytes: proportionalBytes(processTree(pid)), cpu: (after[index]! - before[index]!) / elapsed }));
}

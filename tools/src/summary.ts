// SPDX-License-Identifier: Apache-2.0
// What all tests came to, as lines to print.
import type { Counts } from './count-reporter.ts';
import type { Failure } from './failure.ts';

/** A skip with this reason is one that only another machine can lift; no other kind is accepted in CI. */
const MACHINE = 'machine:';
/** When more have failed they have a cause in common: the first ones tell it. */
const EXPLAINED_MAX = 10;

export interface Summary {
  readonly lines: readonly string[];
  readonly failed: number;
}

/** Sums counts. What failed comes last: nothing stands between it and the end of what CI shows. In CI a skipped test whose reason does not begin with `machine:` is a failed one. */
export function summarise(all: readonly Counts[], ci: boolean): Summary {
  const failures: Failure[] = [];
  const skips: string[] = [];
  let passed = 0;
  for (const counts of all) {
    passed += counts.passed;
    for (const { name, why } of counts.failed) failures.push({ name: `  ${counts.project}: ${name}`, why });
    for (const { name, reason } of counts.skipped) {
      const line = `  ${counts.project}: ${name} (${reason || 'no reason given'})`;
      if (ci && !reason.startsWith(MACHINE)) failures.push({ name: `${line}: skipped, which CI does not accept`, why: [] });
      else skips.push(line);
    }
  }
  const lines = [
    '',
    ...(skips.length > 0 ? ['Skipped:', ...skips] : []),
    ...(failures.length > 0 ? ['Failed:', ...failures.flatMap(explained)] : []),
    `${passed} passed, ${failures.length} failed`,
  ];
  return { lines, failed: failures.length };
}

function explained({ name, why }: Failure, index: number): string[] {
  return index < EXPLAINED_MAX ? [name, ...why.map((line) => `      ${line}`)] : [name];
}

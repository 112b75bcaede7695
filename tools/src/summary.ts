// SPDX-License-Identifier: Apache-2.0
// What all tests came to, as lines to print.
import type { Counts } from './count-reporter.ts';

/** A skip with this reason is one that only another machine can lift; no other kind is accepted in CI. */
const MACHINE = 'machine:';

export interface Summary {
  readonly lines: readonly string[];
  readonly failed: number;
}

/** Sums counts. In CI a skipped test whose reason does not begin with `machine:` is a failed one. */
export function summarise(all: readonly Counts[], ci: boolean): Summary {
  const failures: string[] = [];
  const skips: string[] = [];
  let passed = 0;
  for (const counts of all) {
    passed += counts.passed;
    for (const name of counts.failed) failures.push(`  ${counts.project}: ${name}`);
    for (const { name, reason } of counts.skipped) {
      const line = `  ${counts.project}: ${name} (${reason || 'no reason given'})`;
      if (ci && !reason.startsWith(MACHINE)) failures.push(`${line}: skipped, which CI does not accept`);
      else skips.push(line);
    }
  }
  const lines = [
    '',
    ...(failures.length > 0 ? ['Failed:', ...failures] : []),
    ...(skips.length > 0 ? ['Skipped:', ...skips] : []),
    `${passed} passed, ${failures.length} failed`,
  ];
  return { lines, failed: failures.length };
}

// SPDX-License-Identifier: Apache-2.0
// A diagnosis as people read it: what is fine is a number, each finding three lines.
import { printable } from '../printable.ts';
import { some } from '../quantity.ts';
import type { Sink } from '../io.ts';
import type { Finding } from './check.ts';
import type { Diagnosis, Unseen } from './examine.ts';

export function diagnosisLines({ findings, fine, unseen }: Diagnosis, style: Sink['style']): string[] {
  const bad = findings.filter(({ severity }) => severity === 'bad').length;
  const verdict = bad > 0 ? style('red', `${some(bad, 'fault')} found.`)
    : findings.length > 0 ? style('yellow', 'It works; production wants it otherwise in some points.') : style('green', 'Nothing is wrong that could be seen.');
  return [
    ...findings.flatMap((one) => [...findingLines(one, style), '']),
    `${verdict} ${some(fine.length, 'check')} ${fine.length === 1 ? 'is' : 'are'} fine${unseen.length === 0 ? '.' : `, ${unseen.length} could not be made:`}`,
    ...unseenLines(unseen),
  ];
}

function findingLines({ code, severity, what, why, fix }: Finding, style: Sink['style']): string[] {
  const mark = severity === 'bad' ? style('red', '✗') : style('yellow', '!');
  return [`${mark} ${printable(what)} [${code}]`, `  why: ${printable(why)}`, `  fix: ${printable(fix)}`];
}

/** Those that lack the same thing stand on one line. */
function unseenLines(unseen: readonly Unseen[]): string[] {
  const byReason = Map.groupBy(unseen, ({ why }) => why);
  return [...byReason].map(([why, codes]) => `  ${codes.map(({ code }) => code).join(', ')}: ${printable(why)}`);
}

// SPDX-License-Identifier: Apache-2.0
// What verification found, for people: the verdict first.
import { printable } from '../printable.ts';
import { bytes, count, some } from '../quantity.ts';
import { factLines, tableLines } from '../table.ts';
import { boundText, shortTime } from '../time.ts';
import type { Finding, TimestampsFound, Verdict, Witnessed } from '@strongroom/evidence';
import type { Style } from '../io.ts';

const FAILURES_SHOWN = 50;
const FACTS_SHOWN = 20;

export function verdictLines(verdict: Verdict & { readonly compared: string }, directory: string, style: (style: Style, text: string) => string): string[] {
  const failed = verdict.failures.length + verdict.failuresOmitted;
  return [
    verdict.ok
      ? `${style(['bold', 'green'], 'VALID')}  ${directory} is what its checkpoint says.${verdict.degraded ? ` ${style('yellow', 'DEGRADED')}: see the facts below.` : ''}`
      : `${style(['bold', 'red'], 'NOT VALID')}  ${directory} is not what its checkpoint says: ${some(failed, 'failure')}.`,
    '',
    ...factLines([
      ['log', some(verdict.logSize, 'entry', 'entries')],
      ['records', `${count(verdict.records)} in ${some(verdict.batches, 'batch', 'batches')}, ${some(verdict.segments, 'segment')}`],
      ...(verdict.destroyedSegments === 0 ? [] : [['destroyed', `${some(verdict.destroyedRecords, 'record')} in ${some(verdict.destroyedSegments, 'segment')}, by orders of two custodians`] as const]),
      ['contents', printable(verdict.contents)],
      ['earlier', printable(verdict.compared)],
      ['flags', printable(verdict.protection)],
      ...timestampFacts(verdict.timestamps),
      ...(verdict.witnessed === null ? [] : [['witnessed', witnessedText(verdict.witnessed, verdict.logSize)] as const]),
      ...(verdict.uncommittedBytes === 0 ? [] : [['beyond', `${bytes(verdict.uncommittedBytes)} that the checkpoint does not cover`] as const]),
    ]),
    ...findings('FAILURE', verdict.failures, verdict.failuresOmitted, FAILURES_SHOWN),
    ...findings('FACT', verdict.facts, verdict.factsOmitted, FACTS_SHOWN),
  ];
}

function witnessedText(witnessed: Witnessed, logSize: number): string {
  if (witnessed.at === null) return `${some(witnessed.size, 'entry', 'entries')} are cosigned; by whom is not checked: give --policy FILE`;
  const rest = logSize - witnessed.size;
  return `${some(witnessed.size, 'entry', 'entries')} by ${witnessed.by.map(printable).join(', ')}, ${shortTime(witnessed.at)}${rest > 0 ? `; the last ${count(rest)} not yet` : ''}`;
}

function timestampFacts({ kept, checked, valid, last }: TimestampsFound): [string, string][] {
  if (kept === 0) return [];
  if (checked !== 'checked') return [['timestamps', `${count(kept)}, not checked: name the authority's roots with --tsa-ca`]];
  const pinned = last === null ? '' : `: entries 0–${count(last.size - 1)} existed before ${shortTime(last.time)} ${boundText(last.accuracyNs)}, says ${printable(last.authority)}`;
  return [['timestamps', `${count(valid)} of ${count(kept)} hold${pinned}`]];
}

function findings(title: string, all: readonly Finding<string>[], omitted: number, limit: number): string[] {
  if (all.length === 0) return [];
  const shown = all.slice(0, limit);
  const left = all.length - shown.length + omitted;
  return [
    '', ...tableLines([{ title }, { title: 'WHERE' }, { title: 'DETAIL' }], shown.map(({ code, where, detail }) => [code, printable(where), printable(detail)])),
    ...(left > 0 ? [`… and ${count(left)} more; "-o json" shows up to 1,000`] : []),
  ];
}

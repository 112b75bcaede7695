// SPDX-License-Identifier: Apache-2.0
// Coverage as a table: a row for each source, then every gap with its cause.
import type { Style } from '../io.ts';
import { printable } from '../printable.ts';
import { duration, some } from '../quantity.ts';
import { tableLines, wrap } from '../table.ts';
import { boundText, shortTime } from '../time.ts';
import { percent, shownOf, type CoveredFacts, type CoverageReport, type GapFacts } from './report.ts';

const SHARES = [{ title: 'SOURCE' }, { title: 'COVERED', align: 'right' }, { title: 'GAPS', align: 'right' }, { title: 'MISSING', align: 'right' }, { title: 'SINCE' }, { title: '' }] as const;
const GAPS = [{ title: 'FROM' }, { title: 'LASTED', align: 'right' }, { title: 'BOUND' }, { title: 'OF' }, { title: 'CAUSE' }, { title: 'CONFIDENCE' }, { title: 'BECAUSE' }] as const;
const NARROW = [{ title: 'FROM' }, { title: 'LASTED', align: 'right' }, { title: 'OF' }, { title: 'CAUSE' }] as const;

/** `columns`: of the terminal, if it is one. Where a line for each gap has no room there, why goes below it. */
export function coverageLines(report: CoverageReport, style: (style: Style, text: string) => string, columns = Infinity): string[] {
  const { appliance, sources, since, until } = report;
  if (appliance === null) return [`Nothing is known of the time from ${shortTime(since)} to ${shortTime(until)}: no sign of life was sealed in it.`];
  if (appliance.from === appliance.to) return [`Evidence is taken since ${shortTime(appliance.from)}. For how much of the time can be said from the second sign of life on, within a minute.`];
  const { shown, others, leastShare } = shownOf(sources);
  const gaps = [...appliance.gaps.map((gap) => ['appliance', gap] as const), ...shown.flatMap(({ source, gaps: own }) => own.map((gap) => [source, gap] as const))]
    .toSorted(([, a], [, b]) => (a.from < b.from ? -1 : 1));
  const wide = tableLines(GAPS, gaps.map(([source, gap]) => gapRow(source, gap)));
  const isNarrow = wide.some((line) => line.length > columns);
  const leftOut = [appliance, ...sources].reduce((sum, one) => sum + one.gapsLeftOut, 0);
  return [
    style('bold', `The appliance took evidence for ${percent(appliance.share)} of the time.`), `From ${shortTime(appliance.from)} to ${shortTime(appliance.to)}.`,
    ...(appliance.from > since ? wrap(`Of the time before nothing is known: no sign of life was sealed since ${shortTime(since)}.`, columns) : []), '',
    ...tableLines(SHARES, [shareRow('appliance', appliance, '', isNarrow), ...shown.map((one) => shareRow(one.source, one, noteOf(one.learning, one.gaps), isNarrow))]),
    ...(others === 0 ? [] : [`and ${some(others, 'further source')}, each covered for ${percent(leastShare)} or more: name one, or see all with -o json`]),
    ...(gaps.length === 0 ? [] : ['', ...(isNarrow ? narrowLines(gaps, columns) : wide)]),
    ...(leftOut === 0 ? [] : ['', `${some(leftOut, 'further gap')} count above and are not listed.`]),
  ];
}

function shareRow(source: string, { share, gaps, gapsLeftOut, lostSeconds, from }: CoveredFacts, note: string, isNarrow: boolean): string[] {
  return [printable(source), percent(share), String(gaps.length + gapsLeftOut), lostSeconds === 0 ? '-' : duration(lostSeconds * 1000), isNarrow ? `${shortTime(from).slice(0, 16)}Z` : shortTime(from), note];
}

function noteOf(learning: boolean, gaps: readonly GapFacts[]): string {
  if (gaps.some(({ open }) => open)) return 'silent now';
  return learning ? 'habit not known yet' : '';
}

function gapRow(source: string, { from, beganBy, seconds, boundNs, cause, confidence, because, lost, open }: GapFacts): string[] {
  const within = beganBy === null ? '' : `; it may have begun up to ${duration(Date.parse(beganBy) - Date.parse(from))} later`;
  const lasted = `${duration(seconds * 1000)}${open ? ' so far' : ''}`;
  return [shortTime(from), lost ? lasted : `(${lasted})`, boundText(boundNs), printable(source), cause, confidence, `${printable(because)}${within}`];
}

function narrowLines(gaps: readonly (readonly [source: string, gap: GapFacts])[], columns: number): string[] {
  const rows = gaps.map(([source, gap]) => gapRow(source, gap));
  const [title, ...lines] = tableLines(NARROW, rows.map(([from, lasted, , of, cause]) => [from!, lasted!, of!, cause!]));
  return [title!, ...lines.flatMap((line, index) => {
    const [, , bound, , , confidence, because] = rows[index]!;
    return [line, ...wrap(`${confidence}, ${bound}: ${because}`, columns - 2).map((part) => `  ${part}`)];
  })];
}

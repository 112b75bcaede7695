// SPDX-License-Identifier: Apache-2.0
// Coverage as a picture (SVG) for a report: a row for each source, time from left to right, gaps by cause. Colours can be told apart
// by most who see few of them; in black and white each cause has a pattern, the longest gaps have numbers, and words say the rest.
import type { Cause } from '@strongroom/service/coverage';
import { duration, some } from '../quantity.ts';
import { CAUSE_LOOKS } from './looks.table.ts';
import { percent, shownOf, type CoveredFacts, type CoverageReport, type GapFacts } from './report.ts';

const WIDTH = 1200;
const LEFT = 210;
const RIGHT = 1090;
const ROW = 26;
const BAR = 14;
const TOP = 118;
/** What is shorter would not be seen. */
const GAP_WIDTH_MIN = 3;
const NUMBERED_MAX = 12;
const NUMBER_WIDTH = 16;
const DAY_MS = 86_400_000;
/** Between marks of time. */
const STEPS_MS = [1000, 5000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 3 * 3_600_000, 6 * 3_600_000, 12 * 3_600_000, DAY_MS, 2 * DAY_MS, 5 * DAY_MS, 10 * DAY_MS, 30 * DAY_MS, 90 * DAY_MS, 365 * DAY_MS];
const STEPS_MAX = 12;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

interface Row {
  readonly name: string;
  readonly covered: CoveredFacts;
  readonly note: string;
}

interface Numbered {
  readonly number: number;
  readonly row: Row;
  readonly gap: GapFacts;
}

type Scale = (time: string) => number;

export function picture(report: CoverageReport): string {
  const { appliance, sources, deployment } = report;
  const { shown, others, leastShare } = shownOf(sources);
  const rows: Row[] = appliance === null ? [] : [{ name: 'appliance', covered: appliance, note: '' }, ...shown.map((one) => ({ name: one.source, covered: one, note: one.learning ? 'habit not known yet' : '' }))];
  const [from, to] = appliance === null ? [report.since, report.until] : [appliance.from, appliance.to];
  const scale = scaleOf(Date.parse(from), Date.parse(to));
  const numbered = longest(rows);
  const used = causesOf(rows);
  const rowsEnd = TOP + rows.length * ROW + (others === 0 ? 8 : ROW + 8);
  const legendEnd = rowsEnd + 44 + Math.ceil(used.length / 3) * 24;
  const height = legendEnd + (numbered.length === 0 ? 0 : 30 + numbered.length * 20) + 40;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, 'Segoe UI', 'Liberation Sans', Arial, sans-serif" font-size="13" fill="#1b2429">`,
    `<title>Coverage of ${escaped(deployment)}</title>`, `<desc>${escaped(summary(report))}</desc>`, patterns(used),
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(24, 42, `Coverage of ${deployment}`, 'font-size="22" font-weight="600"'), text(24, 66, summary(report), 'font-size="14" fill="#46545c"'),
    ...axis(Date.parse(from), Date.parse(to), scale, rowsEnd),
    ...rows.flatMap((row, index) => rowMarks(row, index, appliance, scale)),
    ...rows.flatMap((row, index) => numberMarks(numbered.filter((one) => one.row === row), index, scale)),
    ...(others === 0 ? [] : [text(LEFT, TOP + rows.length * ROW + 11.5, `and ${some(others, 'further source')}, each covered for ${percent(leastShare)} or more`, 'fill="#46545c" font-style="italic"')]),
    ...legend(used, rows, rowsEnd + 32), ...list(numbered, legendEnd + 20),
    text(24, height - 16, `Times are UTC. Gaps of less than ${duration(((Date.parse(to) - Date.parse(from)) * GAP_WIDTH_MIN) / (RIGHT - LEFT))} are drawn wider than they are. Pale marks in the row of a source are gaps of the appliance.`, 'font-size="11" fill="#5d6b73"'),
    '</svg>', '',
  ].join('\n');
}

function summary({ appliance, sources, since, until }: CoverageReport): string {
  if (appliance === null) return `Nothing is known of the time from ${day(since)} to ${day(until)}.`;
  const [from, to] = [day(appliance.from), day(appliance.to)];
  // Of a part of a day the times say more.
  const when = Date.parse(appliance.to) - Date.parse(appliance.from) < DAY_MS ? `${from} ${appliance.from.slice(11, 19)} to ${from === to ? '' : `${to} `}${appliance.to.slice(11, 19)}` : `${from} to ${to}`;
  return `${when} · the appliance took evidence for ${percent(appliance.share)} of the time · ${some(sources.length, 'source')}`;
}

function scaleOf(from: number, to: number): Scale {
  const span = Math.max(1, to - from);
  return (time) => LEFT + Math.min(1, Math.max(0, (Date.parse(time) - from) / span)) * (RIGHT - LEFT);
}

function axis(from: number, to: number, scale: Scale, bottom: number): string[] {
  const step = STEPS_MS.find((one) => (to - from) / one <= STEPS_MAX) ?? STEPS_MS.at(-1)!;
  const marks: string[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const x = scale(new Date(at).toISOString()).toFixed(1);
    marks.push(`<line x1="${x}" y1="${TOP - 12}" x2="${x}" y2="${bottom - 8}" stroke="#d5dce0" stroke-width="1"/>`, text(Number(x), TOP - 18, markOf(at, step), 'font-size="11" fill="#46545c" text-anchor="middle"'));
  }
  return marks;
}

function markOf(ms: number, step: number): string {
  const at = new Date(ms);
  if (step < DAY_MS && at.getTime() % DAY_MS > 0) return at.toISOString().slice(11, step < 60_000 ? 19 : 16);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
}

function rowMarks({ name, covered, note }: Row, index: number, appliance: CoveredFacts | null, scale: Scale): string[] {
  const y = TOP + index * ROW;
  const [begin, end] = [scale(covered.from), scale(covered.to)];
  const behind = index === 0 ? [] : appliance?.gaps.filter(({ lost, to, from }) => lost && to > covered.from && from < covered.to) ?? [];
  const within = (gap: GapFacts): GapFacts => ({ ...gap, from: gap.from < covered.from ? covered.from : gap.from, to: gap.to > covered.to ? covered.to : gap.to });
  const shown = name.length > 24 ? `${name.slice(0, 23)}…` : name;
  return [
    text(LEFT - 12, y + 11.5, shown, `text-anchor="end"${index === 0 ? ' font-weight="600"' : ''}`),
    `<line x1="${LEFT}" y1="${y + BAR / 2}" x2="${RIGHT}" y2="${y + BAR / 2}" stroke="#c4cdd2" stroke-width="1" stroke-dasharray="1 3"/>`,
    `<rect x="${begin.toFixed(1)}" y="${y}" width="${Math.max(1, end - begin).toFixed(1)}" height="${BAR}" fill="#dbe6ea"/>`,
    ...behind.map((gap) => gapMark(within(gap), y, scale, 0.35)), ...covered.gaps.map((gap) => gapMark(gap, y, scale, 1)),
    text(RIGHT + 12, y + 11.5, percent(covered.share), index === 0 ? 'font-weight="600"' : ''),
    ...(note === '' ? [] : [text(RIGHT - 6, y + 11, note, 'font-size="10" fill="#46545c" text-anchor="end" font-style="italic" stroke="#dbe6ea" stroke-width="3" paint-order="stroke"')]),
  ];
}

function gapMark({ from, to, cause, lost, confidence }: GapFacts, y: number, scale: Scale, opacity: number): string {
  const [begin, end] = [scale(from), scale(to)];
  const width = Math.max(GAP_WIDTH_MIN, end - begin);
  const x = Math.min(begin, RIGHT - width);
  const height = lost ? BAR : BAR / 2;
  const dash = confidence === 'weak' ? ' stroke-dasharray="2 1.5"' : '';
  return `<rect x="${x.toFixed(1)}" y="${(y + BAR - height).toFixed(1)}" width="${width.toFixed(1)}" height="${height}" fill="url(#${cause})" stroke="${CAUSE_LOOKS[cause].dark}" stroke-width="0.6"${dash} opacity="${opacity}"/>`;
}

function numberMarks(numbered: readonly Numbered[], index: number, scale: Scale): string[] {
  const marks: { x: number; numbers: number[] }[] = [];
  for (const { number, gap } of numbered) {
    const [x, last] = [(scale(gap.from) + scale(gap.to)) / 2, marks.at(-1)];
    // Digits that would run into each other stand together.
    if (last !== undefined && x - last.x < NUMBER_WIDTH * last.numbers.length) last.numbers.push(number);
    else marks.push({ x, numbers: [number] });
  }
  return marks.map(({ x, numbers }) => text(x, TOP + index * ROW - 1.5, numbers.join(' '), 'font-size="9" font-weight="600" text-anchor="middle"'));
}

/** Those that are lost, the longest first; numbers go by time. */
function longest(rows: readonly Row[]): Numbered[] {
  const all = rows.flatMap((row) => row.covered.gaps.map((gap) => ({ row, gap })));
  const chosen = all.filter(({ gap }) => gap.lost).toSorted((a, b) => b.gap.seconds - a.gap.seconds).slice(0, NUMBERED_MAX);
  return chosen.toSorted((a, b) => (a.gap.from < b.gap.from ? -1 : 1)).map((one, index) => ({ ...one, number: index + 1 }));
}

function causesOf(rows: readonly Row[]): Cause[] {
  const found = new Set(rows.flatMap(({ covered }) => covered.gaps.map(({ cause }) => cause)));
  return (Object.keys(CAUSE_LOOKS) as Cause[]).filter((cause) => found.has(cause));
}

function patterns(causes: readonly Cause[]): string {
  const all = causes.map((cause) => {
    const { colour, dark, pattern } = CAUSE_LOOKS[cause];
    return `<pattern id="${cause}" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="${colour}"/>${pattern === '' ? '' : `<path d="${pattern}" stroke="${dark}" stroke-width="1.3" fill="none"/>`}</pattern>`;
  });
  return `<defs>${all.join('')}</defs>`;
}

function legend(causes: readonly Cause[], rows: readonly Row[], y: number): string[] {
  if (causes.length === 0) return [text(24, y + 2, 'There are no gaps.', 'font-weight="600"')];
  const entries = causes.flatMap((cause, index) => {
    const gaps = rows.flatMap(({ covered }) => covered.gaps.filter((gap) => gap.cause === cause));
    const [x, at] = [24 + (index % 3) * 388, y + 12 + Math.floor(index / 3) * 24];
    const seconds = gaps.reduce((sum, gap) => sum + (gap.lost ? gap.seconds : 0), 0);
    const words = `${CAUSE_LOOKS[cause].words}: ${some(gaps.length, 'gap')}${seconds === 0 ? ', nothing lost' : `, ${duration(seconds * 1000)}`}`;
    return [`<rect x="${x}" y="${at}" width="30" height="${BAR}" fill="url(#${cause})" stroke="${CAUSE_LOOKS[cause].dark}" stroke-width="0.6"/>`, text(x + 40, at + 11.5, words, '')];
  });
  return [text(24, y, 'Causes', 'font-weight="600"'), ...entries];
}

function list(numbered: readonly Numbered[], y: number): string[] {
  if (numbered.length === 0) return [];
  const lines = numbered.flatMap(({ number, row, gap }, index) => {
    const at = y + 22 + index * 20;
    const cells: readonly (readonly [number, string])[] = [[44, row.name.length > 22 ? `${row.name.slice(0, 21)}…` : row.name], [LEFT, `${minute(gap.from)} for ${duration(gap.seconds * 1000)}${gap.open ? ' so far' : ''}`], [480, `${CAUSE_LOOKS[gap.cause].words}, ${gap.confidence}`], [720, gap.because.length > 74 ? `${gap.because.slice(0, 73)}…` : gap.because]];
    return [text(36, at, String(number), 'font-size="12" font-weight="600" text-anchor="end"'), ...cells.map(([x, words]) => text(x, at, words, 'font-size="12"'))];
  });
  return [text(24, y, numbered.length < NUMBERED_MAX ? 'Gaps' : `The ${NUMBERED_MAX} longest gaps`, 'font-weight="600"'), ...lines];
}

function text(x: number, y: number, words: string, more: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${more === '' ? '' : ` ${more}`}>${escaped(words)}</text>`;
}

function day(time: string): string {
  const at = new Date(time);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

function minute(time: string): string {
  return `${day(time)} ${time.slice(11, 16)}`;
}

/** Names come from senders: nothing of them is markup, and nothing that XML has no place for gets in. */
function escaped(words: string): string {
  return words.replaceAll(/[^\t\n -\uD7FF\uE000-\uFFFD]/g, '?').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

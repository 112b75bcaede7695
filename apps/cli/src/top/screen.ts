// SPDX-License-Identifier: Apache-2.0
// One frame of `top` as lines, cut to the terminal.
import { shortSource } from '../items.ts';
import { printable } from '../printable.ts';
import { bytes, count, duration, lostText, some } from '../quantity.ts';
import { cut, pad } from '../table.ts';
import { shortTime } from '../time.ts';
import type { Style } from '../io.ts';
import type { Sample, SourceSample } from './model.ts';
import type { OriginSample } from './origins.ts';

export interface Frame {
  readonly columns: number;
  readonly rows: number;
  readonly style: (style: Style, text: string) => string;
  /** Events per second over the last samples, oldest first; of all sources without a name. */
  readonly history: (source?: string) => readonly number[];
}

const BARS = '▁▂▃▄▅▆▇█';
const SPARK_COLUMNS = 12;
const TOTAL_SPARK_COLUMNS = 30;
const SOURCE_COLUMNS_MIN = 10;
const SOURCE_COLUMNS_MAX = 40;
/** Of the columns right of the source's name, two spaces before each. */
const WIDTHS = { events: 10, acked: 12, lag: 9, waiting: 10, connections: 6 } as const;
const HEADER_LINES = 6;
/** Right of an origin's name: produced, sealed, waiting, own, lost. */
const ORIGIN_WIDTHS = [12, 12, 9, 9, 11];
/** So many lines for sources at least, and two around the origins. */
const ROWS_BESIDE_ORIGINS = 6;

export function frameLines(sample: Sample, frame: Frame): string[] {
  const { columns, rows, style } = frame;
  const origins = originLines(sample.origins, frame);
  const room = Math.max(1, rows - HEADER_LINES - origins.length - (sample.unwitnessed === null ? 0 : 1) - Math.min(1, sample.incidents.length));
  const shown = sample.sources.slice(0, sample.sources.length > room ? room - 1 : room);
  const left = sample.sources.length - shown.length;
  const width = nameWidth(sample.sources, columns);
  return [
    ...headerLines(sample, frame), '',
    ...origins,
    style('bold', cut(titleLine(width, columns), columns)),
    ...shown.map((source) => sourceLine(source, width, frame)),
    ...(sample.sources.length === 0 ? [style('dim', cut('No source has sent anything since the gateway started.', columns))] : []),
    ...(left > 0 ? [style('dim', cut(`… and ${some(left, 'more source', 'more sources')}`, columns))] : []),
  ].slice(0, rows);
}

/** What became of what this host's kernel and services said; left out where there is no room for it. */
function originLines(origins: readonly OriginSample[], { columns, rows, style }: Frame): string[] {
  if (origins.length === 0 || rows < HEADER_LINES + origins.length + ROWS_BESIDE_ORIGINS) return [];
  const title = originRow('ORIGIN', ['PRODUCED', 'SEALED', 'WAITING', 'OWN', 'LOST'], 'WHY');
  return [
    style('bold', cut(title, columns)),
    ...origins.map((one) => {
      const line = cut(originRow(one.origin, [count(one.produced), count(one.sealed), count(one.waiting), count(one.own), lostText({ count: one.lost, uncounted: one.uncounted })], whyText(one)), columns);
      return one.lost + one.uncounted === 0 ? line : style('yellow', line);
    }), '',
  ];
}

function originRow(name: string, cells: readonly string[], why: string): string {
  return [pad(name, SOURCE_COLUMNS_MIN), ...cells.map((cell, index) => pad(cell, ORIGIN_WIDTHS[index]!, 'right')), why].join('  ').trimEnd();
}

function whyText({ why, uncounted }: OriginSample): string {
  return [...why.map(({ reason, count: lost }) => `${reason} ${count(lost)}`), ...(uncounted === 0 ? [] : [`not counted ${some(uncounted, 'time', 'times')}`])].join(', ');
}

function headerLines(sample: Sample, { columns, style, history }: Frame): string[] {
  const odd = Object.entries(sample.states).map(([name, state]) => `${name} ${state}`).join(', ');
  const state = odd === '' ? 'running' : odd;
  const name = `strongroom top${sample.origin === null ? '' : `  ${sample.origin}`}`;
  const keys = 'q quits';
  const gap = Math.max(2, columns - name.length - state.length - keys.length - 4);
  const first = columns < name.length + state.length + keys.length + 6
    ? style(odd === '' ? 'green' : 'yellow', cut(`${name}  ${state}`, columns))
    : `${style('bold', name)}  ${style(odd === '' ? 'green' : 'yellow', state)}${' '.repeat(gap)}  ${style('dim', keys)}`;
  const checkpoint = sample.checkpointAgeMs === null ? 'no checkpoint yet' : `checkpoint ${duration(sample.checkpointAgeMs)} old`;
  const log = `log of ${some(sample.logSize, 'entry', 'entries')}`;
  const passing = [`${eventsText(sample.eventsPerSecond)} events/s`, `${rateText(sample.ackedBytesPerSecond)} acked`, `${bytes(sample.waitingBytes)} waiting`];
  return [
    first,
    cut(`sealed   ${[some(sample.records, 'record'), some(sample.batches, 'batch', 'batches'), log, checkpoint].join('   ')}`, columns),
    ...(sample.unwitnessed === null ? [] : [style(sample.unwitnessedSince === null ? 'reset' : 'yellow', cut(`witness  ${witnessText(sample)}`, columns))]),
    ...(sample.incidents.length === 0 ? [] : [style('yellow', cut(`incident ${sample.incidents.map(incidentText).join('; ')}`, columns))]),
    cut(`passing  ${[...passing, sparkline(history(), TOTAL_SPARK_COLUMNS)].join('   ')}`, columns),
  ];
}

function incidentText({ subject, reason, count: lost, from }: Sample['incidents'][number]): string {
  return `${printable(subject)} ${printable(reason)} since ${shortTime(from)}${lost === 0 ? '' : `, ${count(lost)} lost`}`;
}

function witnessText({ unwitnessed, unwitnessedSince }: Sample): string {
  const { ageMs, records, bytes: octets } = unwitnessed ?? { ageMs: null, records: 0, bytes: 0 };
  if (ageMs === null) return 'all is witnessed';
  const waiting = `${some(records, 'record')} and ${bytes(octets)} not witnessed yet, the oldest commit ${duration(ageMs)} old`;
  return unwitnessedSince === null ? waiting : `unwitnessed since ${unwitnessedSince}   ${waiting}`;
}

function eventsText(perSecond: number | null): string {
  return perSecond === null ? '-' : count(perSecond);
}

function rateText(perSecond: number | null): string {
  return perSecond === null ? '-' : `${bytes(perSecond)}/s`;
}

function nameWidth(sources: readonly SourceSample[], columns: number): number {
  const others = Object.values(WIDTHS).reduce((sum, width) => sum + width + 2, SPARK_COLUMNS + 2);
  const longest = Math.max(SOURCE_COLUMNS_MIN, ...sources.map(({ source }) => shortSource(source).length));
  return Math.max(SOURCE_COLUMNS_MIN, Math.min(longest, SOURCE_COLUMNS_MAX, columns - others));
}

function titleLine(width: number, columns: number): string {
  return row(pad('SOURCE', width), ['EVENTS/S', 'ACKED', 'LAG', 'WAITING', 'CONN'], pad('', SPARK_COLUMNS), columns);
}

function sourceLine(sample: SourceSample, width: number, { columns, style, history }: Frame): string {
  const { eventsPerSecond, ackedBytesPerSecond, lagMs, waitingBytes, connections } = sample;
  const name = pad(cut(shortSource(sample.source), width), width);
  const cells = [eventsText(eventsPerSecond), rateText(ackedBytesPerSecond), duration(lagMs), bytes(waitingBytes), count(connections)];
  const line = cut(row(name, cells, sparkline(history(sample.source), SPARK_COLUMNS), columns), columns);
  // Nothing waits and nobody is connected: it is there, and quiet.
  return connections === 0 && waitingBytes === 0 ? style('dim', line) : line;
}

/** The sparkline stands beside the events per second; the first to go where there is no room. */
function row(name: string, cells: readonly string[], spark: string, columns: number): string {
  const widths = Object.values(WIDTHS);
  const [events, ...rest] = cells.map((cell, index) => pad(cell, widths[index]!, 'right')) as [string, ...string[]];
  const full = name.length + Object.values(WIDTHS).reduce((sum, width) => sum + width + 2, SPARK_COLUMNS + 2);
  return [name, events, ...(full <= columns ? [pad(spark, SPARK_COLUMNS)] : []), ...rest].join('  ');
}

/** Bars from nothing to the highest of the values; the last `width` of them, the newest on the right. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const highest = Math.max(0, ...shown);
  const bars = shown.map((value) => (value <= 0 ? ' ' : BARS[Math.min(BARS.length - 1, Math.floor((value / highest) * BARS.length))]!));
  return bars.join('').padStart(width);
}

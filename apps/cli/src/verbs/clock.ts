// SPDX-License-Identifier: Apache-2.0
import type { ClockFacts, ClockPoint, ClockSetter, ClockSource, ClockStep, ProducerClock } from '@strongroom/service/client';
import { openControl } from '../connections.ts';
import type { Style } from '../io.ts';
import { writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { duration, some } from '../quantity.ts';
import { factLines, tableLines } from '../table.ts';
import { ageMs, boundText } from '../time.ts';
import { EXIT, verb } from '../verb.ts';

export interface ClockAnswer {
  /** Null: it has only just begun to look. */
  readonly now: ClockFacts | null;
  /** Oldest first, one for each minute. */
  readonly history: readonly ClockPoint[];
  /** By what they claim and when that comes; those that are furthest off first. */
  readonly producers: readonly ProducerClock[];
}

export const clock = verb({
  details: [
    'The bound is what receipts carry: true time is within it. In state "locked" the clock is measured; in "holdover" nobody measures it any more, and the '
      + 'bound grows; "disputed" means that sources contradict each other, and names those that the others outvote; "stepped", that somebody set the clock, and '
      + 'times go by the monotonic clock until it is measured again; "unsynchronised", that nothing can be said, so receipts carry no bound.',
    'Producers are those whose records say when they were made, with a zone. One that is "behind" is so by no more than it says, since a way that always takes as long looks the '
      + 'same; one that is "ahead" by no less. They are judged by the last three minutes in which they sent, while this clock is known.',
    'The chart has one column for each minute, the worst of it, by powers of ten: from ▁ below 10 µs to █ above 10 s; "?" is a minute without a bound.',
  ],
  arguments: [],
  options: {},
  examples: [
    { command: 'strongroom clock', what: 'State, bound, sources and the last hour' },
    { command: 'strongroom clock -o json | jq .now.boundNs', what: 'The bound alone, in nanoseconds' },
  ],
  exitCodes: { 4: 'there is no bound, or it is above clock.limitMicroseconds' },
  async run(call) {
    const client = await openControl(call.paths);
    try {
      const answer = (await client.call('clock')) as ClockAnswer;
      await writeValue(call, answer, () => clockLines(answer, call.io.now(), call.io.out.style));
      return answer.now === null || answer.now.boundNs === null || answer.now.grade === 'limit' ? EXIT.degraded : EXIT.ok;
    } finally {
      client.close();
    }
  },
});

const COLUMNS = [
  { title: 'SOURCE' }, { title: 'VERDICT' }, { title: 'STRATUM', align: 'right' }, { title: 'OFFSET', align: 'right' }, { title: 'ERROR' }, { title: 'AUTHENTICATED' },
] as const;
const CHART_COLUMNS = 60;
const BARS = '▁▂▃▄▅▆▇█';
/** The first bar ends here; each further one is ten times as high. */
const FIRST_BAR_NS = 10_000;

/** The screen. */
export function clockLines({ now, history, producers }: ClockAnswer, at: bigint, style: (style: Style, text: string) => string): string[] {
  if (now === null) return ['Nobody has looked at the clock yet.'];
  const age = ageMs(now.since, at);
  return [
    `${style(COLOURS[now.state], `The clock is ${now.state}`)}: ${printable(now.reason)}.`, '',
    ...factLines([
      ['bound', boundWords(now)],
      ['since', age === null ? now.since : `${duration(age)} ago`],
      ...(now.offsetNs === null ? [] : [['offset', `${signed(now.offsetNs)}, to be put right`] as const]),
      ...(now.wallOffNs === null || now.wallOffNs === 0 ? [] : [['wall clock', `${signed(now.wallOffNs)} off, because somebody set it`] as const]),
      ...(now.lastStep === null ? [] : [['set', stepWords(now.lastStep, at)] as const]),
      ...(now.leap === 'none' ? [] : [['leap second', now.leap === 'insert' ? 'one is inserted at the next midnight UTC' : 'one is left out at the next midnight UTC'] as const]),
      ...(now.falsetickers.length === 0 ? [] : [['contradicted', now.falsetickers.map(printable).join(', ')] as const]),
    ]),
    ...(now.sources.length === 0 ? [] : ['', ...tableLines(COLUMNS, now.sources.map(sourceRow))]),
    ...(now.checks.length === 0 ? [] : ['', ...tableLines([{ title: 'CHECK' }, { title: 'OFFSET', align: 'right' }, { title: 'ERROR' }], now.checks.map(({ name, offsetNs, errorNs }) => [printable(name), signed(offsetNs), boundText(errorNs)]))]),
    ...(producers.length === 0 ? [] : ['', ...producerLines(producers, at)]),
    ...(history.length === 0 ? [] : ['', `${chart(history)}  the last ${some(Math.min(history.length, CHART_COLUMNS), 'minute')}`]),
  ];
}

const OFF_MAX = 20;

/** Those that are off, and how many are not. */
function producerLines(producers: readonly ProducerClock[], at: bigint): string[] {
  const off = producers.filter(({ state }) => state !== 'good');
  const good = producers.length - off.length;
  const rows = off.slice(0, OFF_MAX).map(({ source, state, skewNs, errorNs, since }) => {
    const age = since === null ? null : ageMs(since, at);
    return [printable(source), state, signed(skewNs), boundText(errorNs), age === null ? '-' : `${duration(age)} ago`];
  });
  return [
    ...(rows.length === 0 ? [] : tableLines([{ title: 'PRODUCER' }, { title: 'CLOCK' }, { title: 'OFF', align: 'right' }, { title: 'ERROR' }, { title: 'SINCE' }], rows)),
    ...(off.length <= OFF_MAX ? [] : [`and ${off.length - OFF_MAX} more (-o json has them all)`]),
    ...(good === 0 ? [] : [`${off.length === 0 ? 'The' : 'Of others the'} clocks of ${some(good, 'producer')} are as they should be.`]),
  ];
}

const COLOURS = { locked: 'green', holdover: 'yellow', disputed: 'yellow', stepped: 'red', unsynchronised: 'red' } as const satisfies Record<ClockFacts['state'], Style>;

function boundWords({ boundNs, growthPpb, grade }: ClockFacts): string {
  const grows = boundNs === null || growthPpb === null || growthPpb === 0 ? '' : `, growing by ${Number((growthPpb / 1000).toFixed(3))} µs each second without a measurement`;
  return `${boundText(boundNs)}${grows}${grade === 'limit' ? '; above the limit' : grade === 'warn' ? '; above the warning' : ''}`;
}

/** `+3.2 s, 5 min ago, by /usr/bin/date (process 4711, alice, ssh.service)` */
function stepWords({ at: when, byNs, by }: ClockStep, at: bigint): string {
  const age = ageMs(when, at);
  const moment = `${signed(byNs)}, ${age === null ? when : `${duration(age)} ago`}`;
  return by.length === 0 ? `${moment}; capture saw nobody do it` : `${moment}, by ${by.map(setterWords).join(', or ')}`;
}

function setterWords({ executable, name, pid, person, unit, container }: ClockSetter): string {
  const more = [person, unit, container].filter((one) => one !== null).map(printable);
  return `${printable(executable ?? name)} (${[`process ${pid}`, ...more].join(', ')})`;
}

function sourceRow({ name, verdict, stratum, isReachable, offsetNs, errorNs, authentication }: ClockSource): string[] {
  return [
    printable(name), isReachable ? verdict : 'unreachable', stratum === 0 ? '-' : String(stratum), offsetNs === null ? '-' : signed(offsetNs), errorNs === null ? '-' : boundText(errorNs),
    authentication === null ? 'not known' : authentication === 'none' ? 'no' : authentication,
  ];
}

/** `+3.7 µs`, `-250 ms` */
function signed(ns: number): string {
  return `${ns < 0 ? '-' : '+'}${boundText(Math.abs(Math.round(ns))).slice('± '.length)}`;
}

export function chart(history: readonly ClockPoint[]): string {
  return history.slice(-CHART_COLUMNS).map(({ boundNs }) => (boundNs === null ? '?' : BARS[barOf(boundNs)])).join('');
}

function barOf(ns: number): number {
  let bar = 0;
  for (let end = FIRST_BAR_NS; ns >= end && bar < BARS.length - 1; end *= 10) bar += 1;
  return bar;
}

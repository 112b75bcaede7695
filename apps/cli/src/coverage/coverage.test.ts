// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cause, Coverage, Gap } from '@strongroom/service/coverage';
import { CAUSE_LOOKS } from './looks.table.ts';
import { picture } from './picture.ts';
import { percent, reportOf } from './report.ts';
import { coverageLines } from './screen.ts';

const plain = (_: unknown, text: string): string => text;
const at = (time: string): bigint => BigInt(Date.parse(`${time}Z`)) * 1_000_000n;
const gap = (from: string, to: string, cause: Cause, more: Partial<Gap> = {}): Gap => ({
  fromNs: at(from), toNs: at(to), beganByNs: null, boundNs: 3_000_000n, cause, confidence: 'certain', because: 'the services sealed that they were stopped', others: [], isLost: true, isOpen: false, ...more,
});
const HOUR_NS = 3_600_000_000_000n;
const MONTH = { fromNs: at('2026-03-01T00:00'), toNs: at('2026-03-31T00:00'), gapsLeftOut: 0 };
const lost = (hours: bigint) => ({ lostNs: hours * HOUR_NS, setNs: 0n, coveredNs: (720n - hours) * HOUR_NS, share: 1 - Number(hours) / 720 });
const COVERAGE: Coverage = {
  sinceNs: MONTH.fromNs, untilNs: MONTH.toNs,
  appliance: { ...MONTH, ...lost(1n), gaps: [gap('2026-03-10T08:00', '2026-03-10T09:00', 'clean-shutdown', { beganByNs: at('2026-03-10T08:00') + 30_000_000_000n }), gap('2026-03-12T08:00', '2026-03-12T08:15', 'clock-step', { isLost: false, because: 'the wall clock was set forward: no time passed here' })] },
  sources: [
    { ...MONTH, source: 'web-01', isLearning: false, ...lost(3n), gaps: [gap('2026-03-30T22:00', '2026-03-31T00:00', 'silent-source', { boundNs: null, confidence: 'likely', because: 'others went on', isOpen: true })] },
    { ...MONTH, source: '<script>&"\u001b[31m', isLearning: true, ...lost(1n), gaps: [] },
  ],
};
const REPORT = reportOf('strongroom-berlin', COVERAGE);

test('one sign of life alone is no share of anything', () => {
  const { appliance } = COVERAGE;
  const one = reportOf('d', { ...COVERAGE, appliance: { ...appliance!, toNs: appliance!.fromNs, share: 0, gaps: [] }, sources: [] });
  assert.deepEqual(coverageLines(one, plain), ['Evidence is taken since 2026-03-01 00:00:00.000Z. For how much of the time can be said from the second sign of life on, within a minute.']);
});

test('a share that is not whole never reads so', () => {
  assert.deepEqual([1, 0.99999999, 0.9993, 0.5, 0].map(percent), ['100 %', '99.999 %', '99.930 %', '50.00 %', '0.00 %']);
});

test('the screen has a row for each source, and every gap with its cause', () => {
  assert.deepEqual(coverageLines(REPORT, plain), [
    'The appliance took evidence for 99.86 % of the time.', 'From 2026-03-01 00:00:00.000Z to 2026-03-31 00:00:00.000Z.', '',
    'SOURCE            COVERED  GAPS  MISSING  SINCE',
    'appliance         99.86 %     2      1 h  2026-03-01 00:00:00.000Z',
    'web-01            99.58 %     1      3 h  2026-03-01 00:00:00.000Z  silent now',
    '<script>&"\\e[31m  99.86 %     0      1 h  2026-03-01 00:00:00.000Z  habit not known yet', '',
    'FROM                          LASTED  BOUND        OF         CAUSE           CONFIDENCE  BECAUSE',
    '2026-03-10 08:00:00.000Z         1 h  ± 3.0 ms     appliance  clean-shutdown  certain     the services sealed that they were stopped; it may have begun up to 30 s later',
    '2026-03-12 08:00:00.000Z    (15 min)  ± 3.0 ms     appliance  clock-step      certain     the wall clock was set forward: no time passed here',
    '2026-03-30 22:00:00.000Z  2 h so far  ± not known  web-01     silent-source   likely      others went on',
  ]);
});

test('where nothing is known nothing is claimed', () => {
  const none = reportOf('strongroom-berlin', { ...COVERAGE, appliance: null, sources: [] });
  assert.match(coverageLines(none, plain).join('\n'), /^Nothing is known/);
  assert.match(picture(none), /Nothing is known of the time from 1 Mar 2026 to 31 Mar 2026/);
});

test('the picture names every source, cause and gap, and nothing that a sender chose is markup', () => {
  const drawn = picture(REPORT);
  for (const words of ['Coverage of strongroom-berlin', '&lt;script&gt;&amp;&quot;?[31m', 'clean shutdown: 1 gap, 1 h', 'clock set: 1 gap, nothing lost', 'silent source: 1 gap, 2 h', '30 Mar 2026 22:00 for 2 h so far', 'habit not known yet']) assert.ok(drawn.includes(words), words);
  assert.doesNotMatch(drawn, /<script|undefined|NaN/);
  assert.ok(!drawn.includes('\u001b'));
  // Well-formed: each element that is opened is closed, and attributes stand in quotation marks.
  const open: string[] = [];
  for (const [, end, name, empty] of drawn.matchAll(/<(\/?)([a-z]+)(?: [a-zA-Z0-9-]+="[^"<]*")*(\/?)>/g)) {
    if (end === '/') assert.equal(open.pop(), name);
    else if (empty === '') open.push(name!);
  }
  assert.deepEqual(open, []);
  assert.equal(drawn.match(/</g)!.length, [...drawn.matchAll(/<\/?[a-z]+(?: [a-zA-Z0-9-]+="[^"<]*")*\/?>/g)].length);
});

test('no two causes look the same, in colour or without', () => {
  const looks = Object.values(CAUSE_LOOKS);
  assert.equal(new Set(looks.map(({ colour }) => colour)).size, looks.length);
  assert.equal(new Set(looks.map(({ colour, pattern }) => `${brightness(colour)} ${pattern}`)).size, looks.length);
});

function brightness(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((from) => Number.parseInt(colour.slice(from, from + 2), 16)) as [number, number, number];
  return Math.round((0.2126 * red + 0.7152 * green + 0.0722 * blue) / 16);
}

test('a source of another time of the picture has its bar where it was', () => {
  const late = picture(reportOf('x', { ...COVERAGE, sources: [{ ...COVERAGE.sources[0]!, fromNs: at('2026-03-16T00:00'), gaps: [] }] }));
  assert.match(late, /<rect x="650\.0" y="144" width="440\.0" height="14" fill="#dbe6ea"\/>/);
});

test('of a thousand sources those are shown that have gaps, and the rest in one line', () => {
  const sources = Array.from({ length: 1000 }, (_, n) => ({ ...COVERAGE.sources[n === 997 ? 0 : 1]!, source: `web-${String(n).padStart(4, '0')}` }));
  const many = reportOf('strongroom-berlin', { ...COVERAGE, sources });
  const lines = coverageLines(many, plain);
  assert.ok(lines.length < 60, `${lines.length} lines`);
  for (const words of [/^web-0997 .*silent now$/, /^and 960 further sources, each covered for 99\.86 % or more: name one, or see all with -o json$/]) assert.ok(lines.some((line) => words.test(line)), String(words));
  const drawn = picture(many);
  assert.match(drawn, />web-0997<.*and 960 further sources, each covered for 99\.86 % or more/s);
  assert.ok(Number(/ height="(\d+)"/.exec(drawn)?.[1]) < 2000);
  assert.equal(many.sources.length, 1000);
});

test('numbers of gaps that lie side by side do not run into each other', () => {
  const gaps = [0, 10, 20].map((minutes) => gap('2026-03-10T08:00', '2026-03-10T09:00', 'panic', { fromNs: at('2026-03-10T08:00') + BigInt(minutes) * 60_000_000_000n }));
  assert.match(picture(reportOf('x', { ...COVERAGE, appliance: { ...COVERAGE.appliance!, gaps }, sources: [] })), />1 2 3<\/text>/);
});

test('what lies before the first sign of life is said to be not known', () => {
  assert.equal(coverageLines({ ...REPORT, since: '2026-02-01T00:00:00.000000000Z' }, plain)[2], 'Of the time before nothing is known: no sign of life was sealed since 2026-02-01 00:00:00.000Z.');
});

test('on a narrow terminal no line is longer than it, and nothing is left out', () => {
  const lines = coverageLines(REPORT, plain, 80);
  assert.deepEqual(lines.filter((line) => line.length > 80), []);
  assert.deepEqual(lines.slice(-8), [
    'FROM                          LASTED  OF         CAUSE', '2026-03-10 08:00:00.000Z         1 h  appliance  clean-shutdown',
    '  certain, ± 3.0 ms: the services sealed that they were stopped; it may have', '  begun up to 30 s later', '2026-03-12 08:00:00.000Z    (15 min)  appliance  clock-step',
    '  certain, ± 3.0 ms: the wall clock was set forward: no time passed here', '2026-03-30 22:00:00.000Z  2 h so far  web-01     silent-source', '  likely, ± not known: others went on',
  ]);
});

test('a picture of a minute has times to the second, and nothing in the row of a source before it was there', () => {
  const [from, second] = [at('2026-03-10T08:00'), 1_000_000_000n];
  const minute = { ...MONTH, fromNs: from, toNs: from + 60n * second };
  const drawn = picture(reportOf('x', { ...COVERAGE, appliance: { ...COVERAGE.appliance!, ...minute, gaps: [gap('2026-03-10T08:00', '2026-03-10T09:00', 'panic', { toNs: from + 30n * second })] }, sources: [{ ...COVERAGE.sources[1]!, ...minute, fromNs: from + 15n * second }] }));
  for (const words of ['10 Mar 2026 08:00:00 to 08:01:00 · ', '>08:00:05<', '>08:00:55<']) assert.ok(drawn.includes(words), words);
  assert.match(drawn, /<rect x="430\.0" y="144\.0" width="220\.0" [^>]*opacity="0\.35"/);
});

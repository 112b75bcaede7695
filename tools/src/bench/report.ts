// SPDX-License-Identifier: Apache-2.0
// The results as Markdown, for the screen and for docs/BENCHMARKS.md alike.
import { composedUs, type Floors } from './floors.ts';
import type { Idle } from './idle.ts';
import type { Leg } from './legs.ts';
import { median } from './statistics.ts';
import type { Subject, SubjectName } from './subject.ts';

export interface Results {
  readonly machine: readonly string[];
  readonly subjects: readonly Pick<Subject, 'name' | 'keeps' | 'version'>[];
  /** What was measured how often, in words. */
  readonly method: string;
  readonly idle: readonly Idle[];
  /** One array for each alternation. */
  readonly syslog: readonly (readonly Leg[])[];
  /** Syslog at a given rate. */
  readonly paced: readonly (readonly Leg[])[];
  readonly eased: Eased | null;
  readonly steady: readonly (readonly Leg[])[];
  readonly flood: readonly (readonly Leg[])[];
  readonly floors: Floors | null;
  /** Whether everything sent was found, a line for each system. */
  readonly checks: readonly string[];
}

/** Syslog at half of what was taken at full speed. */
export interface Eased {
  readonly eventsPerSecond: number;
  readonly rounds: readonly (readonly Leg[])[];
}

type Row = readonly string[];
const MIB = 1024 * 1024;

export function report(results: Results): string {
  return [
    ...results.machine.map((line) => `- ${line}`),
    ...results.subjects.map(({ name, version, keeps }) => `- ${name} ${version}: ${keeps}`),
    `- ${results.method}`, '',
    ...goalTable(results), ...syslogTable(results), ...pacedTable(500_000, results.paced), ...(results.eased === null ? [] : pacedTable(results.eased.eventsPerSecond, results.eased.rounds)), ...relpTable(results), ...idleTable(results.idle), ...floorTable(results),
    ...results.checks.map((line) => `- ${line}`), '',
  ].join('\n');
}

function syslogTable({ syslog }: Results): string[] {
  if (syslog.length === 0) return [];
  return ['Syslog over TLS at full speed:', '', ...compared(syslog, [
    ['events per CPU-second', (leg) => leg.eventsPerCpuSecond, whole],
    ['events/s', (leg) => leg.eventsPerSecond, whole],
    ['peak memory, MiB', (leg) => leg.peakBytes ?? Number.NaN, mebibytes],
  ]), ...processes(syslog), ''];
}

function mine(rounds: readonly (readonly Leg[])[], value: (leg: Leg) => number): number {
  return median(rounds.flat().filter(({ subject }) => subject === 'strongroom').map(value));
}

/** What this project set out to reach on two cores of this kind, beside what this run reached. */
function goalTable({ syslog, paced, steady }: Results): string[] {
  const perRsyslog = syslog.flatMap((round) => {
    const [ours, theirs] = (['strongroom', 'rsyslog'] as const).map((name) => round.find(({ subject }) => subject === name)?.eventsPerCpuSecond);
    return ours === undefined || theirs === undefined ? [] : [ours / theirs];
  });
  const rows: (readonly [string, string, number, (value: number) => string])[] = [
    ['events per CPU-second', '800,000', mine(syslog, (leg) => leg.eventsPerCpuSecond), whole],
    ['events per CPU-second, of rsyslog\'s', '1.8 ×', median(perRsyslog), (value) => `${value.toFixed(2)} ×`],
    ['events/s, the load generator on the same cores', '1,000,000', mine(syslog, (leg) => leg.eventsPerSecond), whole],
    ['memory at full load, MiB', 'at most 600', mine(syslog, (leg) => leg.peakBytes ?? Number.NaN), mebibytes],
    ['time to ack at 5,000 events/s (RELP), p99, ms', 'at most 15', mine(steady, ack('p99Ms')), milliseconds],
    ['time to seal at 500,000 events/s (syslog), p99, ms', 'at most 100', mine(paced, ack('p99Ms')), milliseconds],
  ];
  const known = rows.filter(([, , value]) => !Number.isNaN(value));
  return known.length === 0 ? [] : ['Goals, and what this run reached:', '', ...markdown(['', 'goal', 'reached'], known.map(([title, goal, value, format]) => [title, goal, format(value)])), ''];
}

function pacedTable(eventsPerSecond: number, paced: readonly (readonly Leg[])[]): string[] {
  if (paced.length === 0) return [];
  return [`Syslog over TLS at ${whole(eventsPerSecond)} events/s, by the clock, whether they are taken or not:`, '', ...compared(paced, [
    ['events/s', (leg) => leg.eventsPerSecond, whole], ['events per CPU-second', (leg) => leg.eventsPerCpuSecond, whole],
    ['time to seal, p50, ms', ack('p50Ms'), milliseconds], ['time to seal, p99, ms', ack('p99Ms'), milliseconds],
  ]), ''];
}

function relpTable({ steady, flood }: Results): string[] {
  if (flood.length === 0) return [];
  return [
    'RELP over TLS, 4 connections with a window of 128 each. Strongroom acknowledges what is sealed and on disk; rsyslog what is in its memory.', '',
    'At 5,000 events/s:', '', ...compared(steady, [
      ['time to ack, p50, ms', ack('p50Ms'), milliseconds], ['time to ack, p99, ms', ack('p99Ms'), milliseconds],
      ['events per CPU-second', (leg) => leg.eventsPerCpuSecond, whole],
    ]), '',
    'As fast as acknowledgements come:', '', ...compared(flood, [
      ['events/s', (leg) => leg.eventsPerSecond, whole], ['events per CPU-second', (leg) => leg.eventsPerCpuSecond, whole],
      ['time to ack, p50, ms', ack('p50Ms'), milliseconds], ['time to ack, p99, ms', ack('p99Ms'), milliseconds],
    ]), '',
  ];
}

/** Medians of each system, and the ratio of the first to the second: of each alternation, and their median. */
function compared(rounds: readonly (readonly Leg[])[], rows: readonly (readonly [string, (leg: Leg) => number, (value: number) => string])[]): string[] {
  const names = rounds[0]!.map(({ subject }) => subject);
  const of = (name: SubjectName, value: (leg: Leg) => number): number[] => rounds.map((round) => value(round.find(({ subject }) => subject === name)!));
  const others = names.slice(1);
  const head = ['median', ...names, ...others.map((other) => `${names[0]} / ${other}`)];
  return markdown(head, rows.map(([title, value, format]) => [
    title, ...names.map((name) => format(median(of(name, value)))),
    ...others.map((other) => ratios(of(names[0]!, value), of(other, value))),
  ]));
}

function ratios(a: readonly number[], b: readonly number[]): string {
  const each = a.map((value, index) => value / b[index]!);
  if (each.some(Number.isNaN)) return '-';
  return `${median(each).toFixed(2)} (${each.map((ratio) => ratio.toFixed(2)).join(', ')})`;
}

function processes(rounds: readonly (readonly Leg[])[]): string[] {
  const lines = rounds[0]!.map(({ subject }) => {
    const legs = rounds.map((round) => round.find((leg) => leg.subject === subject)!);
    const names = Object.keys(legs[0]!.cpuUs);
    const parts = names.map((name) => `${name} ${median(legs.map((leg) => leg.cpuUs[name] ?? 0)).toFixed(2)}`);
    return `- ${subject}, CPU µs per event: ${parts.join(', ')}`;
  });
  const generator = median(rounds.flat().map(({ generatorCpuUs }) => generatorCpuUs));
  return ['', ...lines, `- the load generator, not counted: ${generator.toFixed(2)}`];
}

function idleTable(idle: readonly Idle[]): string[] {
  if (idle.length === 0) return [];
  const rows = idle.map(({ subject, bytes, cpu }) => [subject, bytes === null ? 'not visible' : mebibytes(bytes), `${(cpu * 100).toFixed(2)} %`]);
  return ['Idle, before any load:', '', ...markdown(['', 'memory, MiB', 'of one core'], rows), ''];
}

function floorTable({ floors, syslog }: Results): string[] {
  if (floors === null) return [];
  const { eventBytes, leafUs, nodeUs, leafInLanesUs, nodeInLanesUs, leafByAddonUs, nodeByAddonUs, framingUs, zstdMBs, zstdRatio, gcmMBs, fdatasyncMs, loopback, socket } = floors;
  const composed = composedUs(floors);
  const ours = syslog.flatMap((round) => round.filter(({ subject }) => subject === 'strongroom'));
  const measured = ours.length === 0 ? [] : [`Strongroom takes ${us(1e6 / median(ours.map((leg) => leg.eventsPerCpuSecond)))} µs.`];
  return ['Floors, each part alone on the same data, CPU µs per event:', '', ...markdown(['part', 'µs per event', ''], [
    ['receive mutual TLS over loopback TCP', us(loopback.receiveUs), `${whole(loopback.MBs)} MB/s, Node to Node`],
    ['frame (RFC 5425)', us(framingUs), ''],
    ['send mutual TLS over a Unix socket', us(socket.sendUs), `${whole(socket.MBs)} MB/s, Node to Node`],
    ['receive it', us(socket.receiveUs), ''],
    ['leaf: SHA-256 of prefix and message, crypto.hash', us(leafUs), `${whole(eventBytes + 57)} octets in the mean`],
    ['the same four at a time, WebAssembly', us(leafInLanesUs), ''],
    ...(Number.isNaN(leafByAddonUs) ? [] : [['the same two at a time, the add-on', us(leafByAddonUs), '']]),
    ['inner node: SHA-256 of 65 octets, crypto.hash', us(nodeUs), ''],
    ['the same four at a time, WebAssembly', us(nodeInLanesUs), ''],
    ...(Number.isNaN(nodeByAddonUs) ? [] : [['the same two at a time, the add-on', us(nodeByAddonUs), '']]),
    ['zstd level 1, window 128 KiB', us(eventBytes / zstdMBs), `${whole(zstdMBs)} MB/s, ratio ${zstdRatio.toFixed(2)}`],
    ['AES-256-GCM of what is left', us(eventBytes / zstdRatio / gcmMBs), `${whole(gcmMBs)} MB/s`],
    ['together, of each hash the fastest', us(composed), `${whole(1e6 / composed)} events per CPU-second`],
  ]), '', [...measured, `fdatasync of 64 KiB takes ${fdatasyncMs.toFixed(2)} ms, hardly any of it CPU time.`].join(' '), ''];
}

/** A table whose columns line up; all but the first are numbers. */
export function markdown(head: Row, rows: readonly Row[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length), 3));
  const line = (row: Row): string => `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)];
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const mebibytes = (bytes: number): string => (Number.isNaN(bytes) ? 'not visible' : (bytes / MIB).toFixed(0));
const milliseconds = (ms: number): string => ms.toFixed(2);
const us = (value: number): string => value.toFixed(3);
const ack = (which: 'p50Ms' | 'p99Ms') => (leg: Leg): number => leg.ack?.[which] ?? Number.NaN;

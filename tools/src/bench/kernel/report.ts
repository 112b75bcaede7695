// SPDX-License-Identifier: Apache-2.0
// The figures of kernel events as tables.
import { machineFacts } from '../machine.ts';
import { markdown } from '../report.ts';
import type { IntegrityLeg } from './integrity.ts';
import type { Leg } from './measure.ts';
import type { Part } from './ways.ts';
import { STEADY_RATE, type Workload } from './workloads.ts';

/** Columns of the tables, and which processes each has. */
const COLUMNS: readonly (readonly [string, readonly Part[]])[] = [
  ['kauditd', ['kauditd']], ['auditd', ['auditd']], ['readers', ['readers']], ['capture', ['capture']], ['vault', ['vault']], ['others', ['keys', 'supervisor', 'gateway']],
];

/** The same with each process by itself, where nothing else is compared. */
const QUIET_COLUMNS: readonly (readonly [string, readonly Part[]])[] = (['kauditd', 'readers', 'capture', 'vault', 'keys', 'gateway', 'supervisor'] as const).map((part) => [part, [part]]);

export function quietReport(legs: readonly Leg[], settleSeconds: number): string {
  return [
    ...machineFacts().map((line) => `- ${line}`), `- each way started anew, ${settleSeconds} s left alone, then measured for ${legs[0]?.seconds ?? 0} s`, '', ...quiet(legs, QUIET_COLUMNS), '',
  ].join('\n');
}

export function kernelReport({ all, legs, integrity }: { readonly all: readonly Workload[]; readonly legs: readonly Leg[]; readonly integrity: readonly IntegrityLeg[] }): string {
  const tables = all.filter(({ missing }) => missing === null).flatMap((workload) => {
    const ours = legs.filter((leg) => leg.workload === workload.name);
    return [`${workload.title}:`, '', ...(workload.name === 'quiet' ? quiet(ours) : busy(ours, workload)), ''];
  });
  return [...machineFacts().map((line) => `- ${line}`), '', ...tables, 'File integrity, of 4,000 small files in 100 directories, with nothing else watched; processor time of each part:', '', ...ofFiles(integrity), ''].join('\n');
}

const SCALE: Readonly<Record<string, number>> = { ms: 1e3, 'µs': 1e6, '%': 100 };

function ofFiles(legs: readonly IntegrityLeg[]): string[] {
  return markdown(['', 'reader', 'capture', 'vault', 'others', 'together', 'took, s'], legs.map(({ title, unit, count, elapsed, used: { reader, capture, vault, others } }) => {
    const figure = (seconds: number): string => (seconds === 0 && title.startsWith('first') ? '' : (SCALE[unit]! * seconds / count).toFixed(unit === '%' ? 2 : 1));
    return [`${title}, ${unit}`, ...[reader, capture, vault, others, reader + capture + vault + others].map(figure), elapsed.toFixed(1)];
  }));
}

/** In percent of one core. */
function quiet(legs: readonly Leg[], columns = COLUMNS): string[] {
  return markdown(['% of one core', ...columns.map(([name]) => name), 'together', 'events'], legs.filter(({ way }) => way !== 'off').map((leg) => [
    leg.way, ...columns.map(([, parts]) => percent(usedBy(leg, parts), leg)), percent(total(leg), leg) || '0.00', String(leg.used.events),
  ]));
}

/** In µs for each event. */
function busy(legs: readonly Leg[], { name }: Workload): string[] {
  const off = legs.find(({ way }) => way === 'off')!;
  const steady = name === 'steady';
  const head = ['µs per event', ...COLUMNS.map(([column]) => column), 'together', ...(steady ? [`% of one core at ${STEADY_RATE.toLocaleString('en')}/s`] : []), 'eBPF in the kernel', 'events', 'lost', 'workload, s', 'slowdown'];
  return markdown(head, legs.map((leg) => [
    leg.way, ...COLUMNS.map(([, parts]) => us(usedBy(leg, parts), leg)), us(total(leg), leg),
    ...(steady ? [leg.used.events === 0 ? '' : (100 * STEADY_RATE * total(leg) / leg.used.events).toFixed(1)] : []),
    us(leg.used.probeSeconds, leg), leg.used.events.toLocaleString('en'), String(leg.used.lost), leg.seconds.toFixed(2), (leg.seconds / off.seconds).toFixed(2),
  ]));
}

function percent(seconds: number, { elapsed }: Leg): string {
  return seconds === 0 ? '' : (100 * seconds / elapsed).toFixed(2);
}

function us(seconds: number, { used: { events } }: Leg): string {
  return seconds === 0 || events === 0 ? '' : (1e6 * seconds / events).toFixed(1);
}

function usedBy({ used: { cpu } }: Leg, parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + (cpu[part] ?? 0), 0);
}

function total(leg: Leg): number {
  return COLUMNS.reduce((sum, [, parts]) => sum + usedBy(leg, parts), 0);
}

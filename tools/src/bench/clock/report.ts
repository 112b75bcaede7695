// SPDX-License-Identifier: Apache-2.0
import { machineFacts } from '../machine.ts';
import { markdown } from '../report.ts';
import { percentile } from '../statistics.ts';
import type { ClockFigures } from './measure.ts';

export function clockReport({ seconds, bounds, stamps, broken, cpu, stampNs }: ClockFigures): string {
  const us = (share: number): string => (percentile(bounds, share) / 1000).toFixed(1);
  return [
    ...machineFacts().map((line) => `- ${line}`), '',
    `A chronyd that asks a server on loopback every 16 s, for ${seconds.toFixed(0)} s:`, '',
    ...markdown(['', 'goal', 'reached'], [
      ['bound, median, µs', 'under 1,000', us(0.5)], ['bound, 99 %, µs', '', us(0.99)], ['bound, most, µs', '', us(1)],
      [`stamps of ${stamps.toLocaleString('en')} that did not hold true time`, '0', String(broken)],
      ['skew-guard with its chronyc, % of one core', '', (100 * cpu).toFixed(2)], ['a stamp, ns', '', stampNs.toFixed(0)],
    ]), '',
  ].join('\n');
}

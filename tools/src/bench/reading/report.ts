// SPDX-License-Identifier: Apache-2.0
// The results of reading as Markdown.
import { markdown } from '../report.ts';
import { median } from '../statistics.ts';
import type { ReadingResults, Scan, Start } from './measure.ts';

const MIB = 1024 * 1024;

export function readingReport(results: ReadingResults): string {
  const { machine, options, history, batches, hour } = results;
  const warm = median(hour.warm.map(({ seconds }) => seconds));
  return [
    ...machine.map((line) => `- ${line}`),
    `- ${whole(history.records)} records, ${(history.rawBytes / 1e9).toFixed(2)} GB of raw text, ${whole(batches)} batches, of ${options.sources} sources over ${options.days} days; sealed in ${history.seconds.toFixed(0)} s`, '',
    `One source, one hour, ${whole(history.hour.records)} records: ${ms(hour.cold.seconds)} ms with nothing of the store in the page cache, ${ms(warm)} ms with (median of ${hour.warm.length}).`, '',
    'Searches through all of it, warm, the cheapest of three; CPU is that of the vault\'s whole process:', '', ...scanTable(results), '',
    'The same lines by other means, one file, warm, the cheapest of three:', '', ...peerTable(results), '',
    'Verification, contents included:', '', ...verifyTable(results), '',
    'Start of the whole appliance after SIGKILL:', '', ...startTable(results), '',
  ].join('\n');
}

function scanTable({ scans, history }: ReadingResults): string[] {
  const gigabytes = history.rawBytes / 1e9;
  const row = ({ name, answer }: Scan): string[] => [
    name, whole(answer.found), answer.seconds.toFixed(2), answer.firstSeconds === null ? '-' : answer.firstSeconds.toFixed(2), answer.vaultCpuSeconds.toFixed(2),
    answer.vaultCpuSeconds < 0.05 ? '-' : (gigabytes / answer.vaultCpuSeconds).toFixed(2),
  ];
  return markdown(['', 'found', 's', 'first after, s', 'CPU s', 'GB of raw text per CPU-second'], scans.map(row));
}

function peerTable({ peers, scans, history }: ReadingResults): string[] {
  const ours = (name: string): number => history.rawBytes / 1e9 / scans.find((scan) => scan.name === name)!.answer.vaultCpuSeconds;
  const [exact, folded] = [ours('a text'), ours('a text in any case')];
  return markdown(['', 'GB per CPU-second', 'GB/s', 'strongroom / this, per CPU-second'], peers.map(({ name, gigabytesPerCpuSecond: rate, gigabytesPerSecond }) => [
    name, rate.toFixed(2), gigabytesPerSecond.toFixed(2), ((name.includes('-i') ? folded : exact) / rate).toFixed(2),
  ]));
}

function verifyTable({ verify: { usual, independent }, history }: ReadingResults): string[] {
  return markdown(['', 's', 'CPU s', 'MB of raw text per CPU-second', 'peak memory, MiB'], ([['strongroom verify', usual], ['with --independent', independent]] as const).map(([name, ran]) => [
    name, ran.seconds.toFixed(1), ran.cpuSeconds.toFixed(1), whole(history.rawBytes / 1e6 / ran.cpuSeconds), whole(ran.peakBytes / MIB),
  ]));
}

function startTable({ starts: { empty, full } }: ReadingResults): string[] {
  return markdown(['', 's', 'peak memory of the vault, MiB', 'read by the vault, MiB'], [startRow('a store with a few records', empty), startRow('this store', full)]);
}

function startRow(name: string, { seconds, vaultPeakBytes, vaultReadBytes }: Start): string[] {
  return [name, seconds.toFixed(2), whole(vaultPeakBytes / MIB), (vaultReadBytes / MIB).toFixed(1)];
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const ms = (seconds: number): string => (seconds * 1000).toFixed(0);

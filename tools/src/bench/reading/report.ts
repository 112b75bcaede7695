// SPDX-License-Identifier: Apache-2.0
// The results of reading as Markdown.
import { markdown } from '../report.ts';
import { median } from '../statistics.ts';
import type { Ran } from './command.ts';
import { searchFloorUs, verifyFloorUs } from './floors.ts';
import type { ReadingResults, Scan, Start } from './measure.ts';

const MIB = 1024 * 1024;

export function readingReport(results: ReadingResults): string {
  const { machine, options, history, batches, hour } = results;
  const warm = median(hour.warm.map(({ seconds }) => seconds));
  return [
    ...machine.map((line) => `- ${line}`),
    `- ${whole(history.records)} records, ${(history.rawBytes / 1e9).toFixed(2)} GB of raw text, ${whole(batches)} batches, of ${options.sources} sources over ${options.days} days; sealed in ${history.seconds.toFixed(0)} s`, '',
    `One source, one hour, ${whole(history.hour.records)} records: ${ms(hour.cold.seconds)} ms with nothing of the store in the page cache, ${ms(warm)} ms with (median of ${hour.warm.length}).`, '',
    `Searches through all of it, warm${results.scanRounds > 1 ? `, the cheapest of ${results.scanRounds}` : ''}; CPU is that of the vault's whole process:`, '', ...scanTable(results), '',
    'The same lines by other means, one file, warm, the cheapest of three:', '', ...peerTable(results), '',
    'Verification, contents included:', '', ...verifyTable(results), '',
    'Each part alone on one batch of the same lines, and what search and verification would take of CPU time if they did nothing else:', '', ...floorTable(results), '',
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
  const row = (name: string, { seconds, cpuSeconds, peakBytes }: Ran): string[] => [
    name, seconds.toFixed(1), cpuSeconds.toFixed(1), whole(history.rawBytes / 1e6 / cpuSeconds), whole(peakBytes / MIB),
  ];
  const rows = [row('strongroom verify', usual), ...(independent === null ? [] : [row('with --independent', independent)])];
  return markdown(['', 's', 'CPU s', 'MB of raw text per CPU-second', 'peak memory, MiB'], rows);
}

function floorTable({ floors, scans, verify, history }: ReadingResults): string[] {
  const rate = (us: number): string => whole(floors.rawBytes / us);
  const reached = (cpuSeconds: number): string => whole(history.rawBytes / 1e6 / cpuSeconds);
  return markdown(['part', 'MB of raw text per CPU-second', 'reached'], [
    ['decompressing', rate(floors.inflateUs), ''], ['decrypting', rate(floors.decryptUs), ''], ['SHA-256 of what is sealed', rate(floors.digestUs), ''],
    ['looking for a text', rate(floors.lookUs), ''], ['leaves and inner nodes', rate(floors.treeUs), ''],
    ['search together', rate(searchFloorUs(floors)), reached(scans.find(({ name }) => name === 'a text')!.answer.vaultCpuSeconds)],
    ['verification together', rate(verifyFloorUs(floors)), reached(verify.usual.cpuSeconds)],
  ]);
}

function startTable({ starts: { empty, full } }: ReadingResults): string[] {
  return markdown(['', 's', 'peak memory of the vault, MiB', 'read by the vault, MiB'], [startRow('a store with a few records', empty), startRow('this store', full)]);
}

function startRow(name: string, { seconds, vaultPeakBytes, vaultReadBytes }: Start): string[] {
  return [name, seconds.toFixed(2), whole(vaultPeakBytes / MIB), (vaultReadBytes / MIB).toFixed(1)];
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const ms = (seconds: number): string => (seconds * 1000).toFixed(0);

// SPDX-License-Identifier: Apache-2.0
// Reading what was sealed: a store is filled by a real vault, then searched, verified and recovered.
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { startAppliance, type Appliance } from '@strongroom/testing';
import { machineFacts } from '../machine.ts';
import { peakBytesOf, readBytesOf, run, type Ran } from './command.ts';
import { measureReadingFloors, type ReadingFloors } from './floors.ts';
import { fillWithHistory, RARE_RECORDS, type History, type HistoryOptions } from './history-load.ts';
import { scanAsPeers, type PeerScan } from './peers.ts';
import { Queries, vaultPid, type Answer } from './queries.ts';

const COMMAND = join(import.meta.dirname, '../../../../apps/cli/bin/strongroom');
const WARM_ROUNDS = 5;
const SCAN_ROUNDS = 3;
/** Of more records each scan takes minutes, and one says as much as the best of three. */
const LONG_RECORDS = 20_000_000;
const PEER_BYTES_MAX = 1_000_000_000;

export interface Scan {
  readonly name: string;
  readonly answer: Answer;
}

export interface Start {
  readonly seconds: number;
  readonly vaultPeakBytes: number;
  readonly vaultReadBytes: number;
}

export interface ReadingResults {
  readonly machine: readonly string[];
  readonly options: HistoryOptions;
  readonly history: History;
  readonly batches: number;
  /** One source, one hour. */
  readonly hour: { readonly cold: Answer; readonly warm: readonly Answer[] };
  /** Each the cheapest of so many. */
  readonly scanRounds: number;
  readonly scans: readonly Scan[];
  /** Independent: null for a long history. */
  readonly verify: { readonly usual: Ran; readonly independent: Ran | null };
  readonly starts: { readonly empty: Start; readonly full: Start };
  readonly peers: readonly PeerScan[];
  readonly floors: ReadingFloors;
}

type Say = (line: string) => void;

/** Throws `Failed('bench.reading')` when something sealed is not found, or the store is not valid. Who is told of the appliance stops it. */
export async function measureReading(options: HistoryOptions, say: Say, started: (appliance: Appliance) => void): Promise<ReadingResults> {
  const machine = machineFacts();
  const appliance = await startAppliance();
  started(appliance);
  const empty = await restarted(appliance);
  say(`sealing ${options.records.toLocaleString('en')} records of ${options.days} days`);
  const history = await fillWithHistory(appliance, options);
  say(`sealed in ${history.seconds.toFixed(0)} s`);
  const { batches } = await appliance.until(({ records }) => records >= history.records, 'all to be sealed');
  say('restarting after a crash');
  const full = await restarted(appliance);
  const isLong = options.records > LONG_RECORDS;
  const scanRounds = isLong ? 1 : SCAN_ROUNDS;
  const { hour, scans } = await searched(appliance, history, scanRounds, say);
  say('verifying');
  const verify = { usual: await verified(appliance), independent: isLong ? null : await verified(appliance, '--independent') };
  say('the same lines with grep');
  const peers = await scanAsPeers(Math.min(history.rawBytes, PEER_BYTES_MAX), history.needle, SCAN_ROUNDS);
  say('each part alone');
  const floors = measureReadingFloors(history.needle);
  return { machine, options, history, batches, hour, scanRounds, scans, verify, starts: { empty, full }, peers, floors };
}

/** A crash, and a start after it. */
async function restarted(appliance: Appliance): Promise<Start> {
  await appliance.crash();
  const began = performance.now();
  await appliance.start();
  const seconds = (performance.now() - began) / 1000;
  const pid = await vaultPid(appliance);
  return { seconds, vaultPeakBytes: peakBytesOf(pid), vaultReadBytes: readBytesOf(pid) };
}

async function searched(appliance: Appliance, history: History, scanRounds: number, say: Say): Promise<Pick<ReadingResults, 'hour' | 'scans'>> {
  const queries = await Queries.open(appliance);
  try {
    const { source, sinceNs, untilNs, records } = history.hour;
    const hourQuery = { source, since: String(sinceNs), until: String(untilNs) };
    say('one source, one hour');
    queries.forgetFiles();
    const cold = expected(await queries.ask(hourQuery), records, 'of the hour');
    const warm: Answer[] = [];
    for (let i = 0; i < WARM_ROUNDS; i += 1) warm.push(expected(await queries.ask(hourQuery), records, 'of the hour'));
    const scans: Scan[] = [];
    for (const [name, query, found] of scansOf(history)) {
      say(name);
      scans.push({ name, answer: await bestOf(queries, query, found, name, scanRounds) });
    }
    return { hour: { cold, warm }, scans };
  } finally {
    queries.close();
  }
}

/** With how many records each finds, where that is certain. Data alone: that somebody searches is sealed as well, with the text. */
function scansOf({ needle, rareSource }: History): (readonly [name: string, query: object, found: number | null])[] {
  const kind = 'data';
  return [
    ['a text', { kind, text: needle }, 1], ['a text in any case', { kind, text: needle.toUpperCase(), ignoreCase: true }, 1],
    ['an expression with a text in it', { kind, regex: 'needle-[0-9a-f]{24}$' }, 1], ['an expression without', { kind, regex: '[n]eedle[-][0-9a-f]{24}$' }, 1],
    ['a source that is seldom seen', { kind, source: rareSource }, RARE_RECORDS], ['gaps', { kind: 'gap' }, null],
    ['the newest record with a text', { kind, text: 'Failed password', reverse: true, limit: 1 }, 1],
  ];
}

async function bestOf(queries: Queries, query: object, found: number | null, what: string, rounds: number): Promise<Answer> {
  let best: Answer | undefined;
  for (let i = 0; i < rounds; i += 1) {
    const answer = expected(await queries.ask(query), found, what);
    if (best === undefined || answer.vaultCpuSeconds < best.vaultCpuSeconds) best = answer;
  }
  return best!;
}

function expected(answer: Answer, found: number | null, what: string): Answer {
  if (found === null || answer.found === found) return answer;
  throw new Failed('bench.reading', `${answer.found} records were found ${what}, ${found} were sealed`, { fix: 'this is a bug: report it' });
}

async function verified(appliance: Appliance, ...options: readonly string[]): Promise<Ran> {
  const ran = await run(COMMAND, ['verify', '-o', 'json', ...options], appliance.environment);
  const { contents } = JSON.parse(ran.stdout) as { readonly contents: string };
  if (contents !== 'checked') throw new Failed('bench.reading', 'the contents were not verified', { why: contents });
  return ran;
}

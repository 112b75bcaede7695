// SPDX-License-Identifier: Apache-2.0
// The thread of upkeep: follows the published log, sweeps flags, scrubs. Holds no keys. The supervisor runs it as a program
// too, which ends at once, so that its code is compiled beforehand.
import { statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { join } from 'node:path';
import { parseVkey, type Checksum } from '@strongroom/evidence';
import { readFileFlags, type Fields, type Level, type UpkeepFacts } from '@strongroom/service';
import { LogDirectory } from '../commit/log-directory.ts';
import { RotationFiles } from '../commit/rotation-files.ts';
import { listDirectory, SYSTEM_DISK } from '../disk.ts';
import { ChecksumFile } from './checksum-file.ts';
import { followDestructions, isDestroyed } from './destroyed.ts';
import { followCloses } from './follow.ts';
import { Medium } from './medium.ts';
import { Pace } from './pace.ts';
import { stepBack } from './priority.ts';
import { PublishedLog } from './published-log.ts';
import { Scrub } from './scrub.ts';
import { readState, writeState } from './state.ts';
import { sweepStep } from './sweep.ts';
import type { FromUpkeep, ThreadData, ToUpkeep } from './upkeep.ts';

/** A volume that is away is tried again. */
const AWAY_MS = 10_000;
/** Between two steps of a sweep, and between two sweeps. */
const SWEEP_STEP_MS = 250;
const SWEEP_MS = 3_600_000;
/** A pass that failed as a whole is tried again. */
const RETRY_MS = 60_000;
/** How often it is looked whether something is to be told of how far we are; while somebody waits for a pass, more often. */
const [FACTS_MS, HURRIED_FACTS_MS] = [4000, 1000];
/** A restart does so much of a pass again. */
const SAVE_MS = 5000;
const MEASURE_MS = 60_000;

const port = parentPort ?? process.exit();
const data = workerData as ThreadData;
const send = (message: FromUpkeep): void => port.postMessage(message);
const tell = (event: string, level: Level, fields: Fields): void => send({ kind: 'event', event, level, fields });
const statePath = join(data.state, 'upkeep.json');
const state = readState(statePath);
const log = new LogDirectory(SYSTEM_DISK, data.log);
const rotations = new RotationFiles(SYSTEM_DISK, join(data.store, 'rotations'));
const checksums = new ChecksumFile(data.checksums);
const stop = new AbortController();
const pace = new Pace(stop.signal);
const open = new Set<string>();
const held = Promise.withResolvers<void>();
let [away, sharesVolume]: [string | null, boolean | null] = [null, null];
let following: Promise<void> = Promise.resolve();
let saving: Promise<void> = Promise.resolve();
let savedAtMs = -Infinity;
let measured = { bytes: 0, atMs: -Infinity };
let told = '';
/** Ends a wait until facts are told again. */
let untilFacts: AbortController | undefined;

const scrub = new Scrub(state.scrub, {
  directory: log, log: () => new PublishedLog(log), key: () => rotations.keys(parseVkey(data.vkey)), pace, periodMs: data.periodMs, segmentBytes,
  save: () => (performance.now() - savedAtMs < SAVE_MS ? Promise.resolve() : save()),
  segments: data.segments, medium: new Medium(), checksum, spent: (bytes) => pace.spent(bytes), isDestroyed: isGone, event: tell,
});

port.on('message', (message: ToUpkeep) => {
  if (message.kind === 'published') following = following.then(follow);
  else if (message.kind === 'settle') void settle();
  else if (message.kind === 'opened') open.add(message.segment);
  else if (message.kind === 'flagged') open.delete(message.segment);
  else if (message.kind === 'scrub') hurry();
  else held.resolve();
});
stepBack();
void keepTelling();
void retryAway();
void sweep();
void passes();

/** One that fails (a full disk tells of itself) leaves the state before, and what was done since is done again. */
function save(): Promise<void> {
  savedAtMs = performance.now();
  saving = saving.then(() => writeState(statePath, state)).catch(() => undefined);
  return saving;
}

async function isGone(segment: string): Promise<boolean> {
  await followDestructions(new PublishedLog(log), state.destroyed);
  return isDestroyed(state.destroyed, segment);
}

async function settle(): Promise<void> {
  await following;
  stop.abort();
  await save();
  send({ kind: 'settled' });
}

async function follow(): Promise<void> {
  const before = away;
  const { followed, bytes } = state.checksums;
  const { added, away: now, lost } = await followCloses(new PublishedLog(log), checksums, state.checksums);
  away = now;
  sharesVolume = checksums.shares(data.store) ?? sharesVolume;
  if (lost) tell('vault.checksums-lost', 'warn', { path: checksums.path, hadBytes: bytes, lines: added });
  if (now !== null && before === null) tell('vault.checksums-away', 'error', { path: checksums.path, why: now });
  if (now === null && before !== null) tell('vault.checksums-back', 'warn', { path: checksums.path, lines: added });
  if (state.checksums.followed !== followed) await save();
  tellFacts();
}

async function retryAway(): Promise<void> {
  for (;;) {
    await wait(AWAY_MS);
    if (away !== null) await (following = following.then(follow));
  }
}

/** Begins once the first flag could be set: where none can be, none is missing. */
async function sweep(): Promise<void> {
  await held.promise;
  if (!state.flagsHeld) {
    state.flagsHeld = true;
    await save();
  }
  for (;;) {
    await followDestructions(new PublishedLog(log), state.destroyed);
    const { lacking, sweptTo } = sweepStep(data.segments, state.sweptTo, (segment) => open.has(segment) || isDestroyed(state.destroyed, segment), readFileFlags);
    if (lacking.length > 0) {
      tell('vault.flags-missing', 'warn', { files: lacking.length, first: lacking[0]!.slice(data.segments.length + 1) });
      send({ kind: 'protect', paths: lacking });
    }
    state.sweptTo = sweptTo;
    await save();
    await wait(sweptTo === null ? SWEEP_MS : SWEEP_STEP_MS);
  }
}

async function passes(): Promise<void> {
  while (!stop.signal.aborted) {
    try {
      await scrub.pass();
      pace.hurried = false;
      tellFacts();
    } catch (error) {
      if (stop.signal.aborted) return;
      tell('vault.scrub-interrupted', 'error', { why: (error as Error).message, againInMs: RETRY_MS });
      await wait(RETRY_MS);
    }
  }
}

function hurry(): void {
  scrub.beginAnew();
  pace.hurry();
  untilFacts?.abort();
}

/** A volume that is away, or has lost the line, says nothing against a segment. */
function checksum(segment: string): Checksum | null {
  try {
    return checksums.find(segment);
  } catch {
    return null;
  }
}

/** Asked for each bundle; a store with many segments is not listed so often. */
function segmentBytes(): number {
  const now = performance.now();
  if (now - measured.atMs > MEASURE_MS) {
    const bytes = listDirectory(SYSTEM_DISK, data.segments).reduce((sum, name) => sum + (statSync(join(data.segments, name), { throwIfNoEntry: false })?.size ?? 0), 0);
    measured = { bytes, atMs: now };
  }
  return measured.bytes;
}

async function keepTelling(): Promise<void> {
  for (;;) {
    tellFacts();
    untilFacts = new AbortController();
    await wait(pace.hurried ? HURRIED_FACTS_MS : FACTS_MS, undefined, { signal: untilFacts.signal }).catch(() => undefined);
  }
}

function tellFacts(): void {
  const { startedAt, lastPassAt, damage, transient } = state.scrub;
  const { bytesDone, bytesTotal } = scrub.plan;
  const first = damage[0];
  const now: UpkeepFacts = {
    scrub: {
      percent: Math.min(100, Math.floor((bytesDone / bytesTotal) * 1000) / 10), passStartedAt: iso(startedAt), lastPassAt: lastPassAt === null ? null : iso(lastPassAt),
      hurried: pace.hurried, damaged: damage.length, damage: first === undefined ? null : `${first.where} at octet ${first.offset}: ${first.detail}`, transient,
    },
    checksums: { directory: data.checksums, away, sharesVolume },
  };
  const text = JSON.stringify(now);
  if (text === told) return; // each message wakes the vault
  told = text;
  send({ kind: 'facts', facts: now });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

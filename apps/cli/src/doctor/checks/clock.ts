// SPDX-License-Identifier: Apache-2.0
// Whether the clock can be right. Nobody outside is asked: what was made here bounds it from below, a hardware clock and
// chrony say where it should be.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { duration } from '../../quantity.ts';
import { check, type Say } from '../check.ts';
import type { Patient } from '../patient.ts';
import type { ClockFacts, Config } from '@strongroom/service/client';

/** Between a machine's clocks this much is usual; TLS does not suffer from it. */
const BEHIND_MS_MAX = 60_000;
/** A hardware clock may be in local time; more than a day is no time zone. */
const HARDWARE_MS_MAX = 86_400_000;
const OFFSET_S_MAX = 1;
const COMMAND_MS_MAX = 3000;
/** Of `chronyc -c tracking`. */
const [OFFSET, LEAP, TRACKING_COLUMNS] = [4, 13, 14];

const CODES = {
  'clock.behind': { severity: 'bad', seen: 'it was later than now, by what was made here', why: 'certificates count as not yet valid, so TLS fails; receipts carry times before those of earlier ones' },
  'clock.hardware': { severity: 'bad', seen: 'system and hardware clock differ by more than a day', why: 'one of them is wrong: if it is the system clock, certificates count as expired or not yet valid, and TLS fails' },
  'clock.offset': { severity: 'bad', seen: `what disciplines the clock knows that it is off by more than ${OFFSET_S_MAX} s`, why: 'times of receipts are wrong by that, and far enough off TLS fails' },
  'clock.disputed': { severity: 'bad', seen: 'sources of time contradict each other, or somebody set the clock against them', why: 'receipts carry a wide bound until it is settled who is right' },
  'clock.bound': { severity: 'bad', seen: 'the clock may be wrong by more than clock.limitMicroseconds', why: 'that is the limit which this deployment set for its evidence' },
  'clock.unsynchronised': { severity: 'weak', seen: 'nothing keeps the clock right', why: 'times of receipts have no bound, and an auditor may doubt them' },
} as const;
type Code = keyof typeof CODES;

export const clockCheck = check({
  name: 'clock',
  codes: CODES,
  look(patient, say: Say<Code>) {
    const { nowMs, machine } = patient;
    const latest = latestSeen(patient);
    if (latest === null) say.unseen('nothing was ever started in this home', 'clock.behind');
    else if (latest.atMs - nowMs > BEHIND_MS_MAX) {
      say.found('clock.behind', {
        what: `the clock says ${utc(nowMs)}, and ${latest.what} is of ${utc(latest.atMs)}: it is ${duration(latest.atMs - nowMs)} behind or more`, fix: 'chronyc makestep (or, without chrony: timedatectl set-ntp true)',
        evidence: { now: utc(nowMs), seen: utc(latest.atMs), by: latest.what },
      });
    }
    judgeHardware(nowMs, machine.sys, say);
    const guard = patient.status?.clock ?? null;
    if (guard !== null) judgeGuard(guard, say);
    else {
      say.unseen('nobody who measures the clock tells of it', 'clock.disputed', 'clock.bound');
      judgeSynchronisation(patient.config?.clock.chrony ?? null, say);
    }
  },
});

/** What skew-guard holds for true while it runs. */
function judgeGuard({ state, reason, grade, boundNs, offsetNs, falsetickers, wallOffNs }: ClockFacts, say: Say<Code>): void {
  const evidence = { state, boundNs, wallOffNs, falsetickers: falsetickers.join(', ') };
  const fix = 'strongroom clock (state, bound, sources and the last hour)';
  if (state === 'disputed' || state === 'stepped') say.found('clock.disputed', { what: `the clock is ${state}: ${reason}`, fix, evidence });
  else if (state !== 'locked') say.found('clock.unsynchronised', { what: `the clock is ${state}: ${reason}`, fix: state === 'holdover' ? fix : 'apt-get install chrony (then: strongroom clock)', evidence });
  if (grade === 'limit') say.found('clock.bound', { what: boundNs === null ? 'nobody can say any more how wrong the clock may be' : `the clock may be wrong by ${duration(boundNs / 1_000_000)}`, fix, evidence });
  if (offsetNs === null) say.unseen('what disciplines the clock says nothing of its offset', 'clock.offset');
  else judgeOffset(offsetNs / 1e9, say);
}

/** The latest time at which something was made here. */
function latestSeen({ paths, events, founded }: Patient): { readonly atMs: number; readonly what: string } | null {
  if (!founded) return null;
  const candidates: readonly (readonly [string, number | null])[] = [
    ['the newest event in state/events.log', Date.parse(events.at(-1)?.time ?? '')], ['the deployment\'s CA', certified(paths.ca)],
    ['the checkpoint of the log', changed(join(paths.log, 'checkpoint'))], ['the remembered checkpoint', changed(join(paths.vaultState, 'remembered'))],
  ];
  const known = candidates.filter((one): one is readonly [string, number] => one[1] !== null && !Number.isNaN(one[1]));
  const [what, atMs] = known.toSorted((a, b) => b[1] - a[1])[0] ?? ['', NaN];
  return Number.isNaN(atMs) ? null : { atMs, what };
}

function certified(path: string): number | null {
  try {
    return new X509Certificate(readFileSync(path)).validFromDate.getTime();
  } catch {
    return null;
  }
}

/** Null, too, for who may not look. */
function changed(path: string): number | null {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return null;
  }
}

function judgeHardware(nowMs: number, sys: string, say: Say<Code>): void {
  const hardware = hardwareMs(sys);
  if (hardware === null) return say.unseen('there is no hardware clock to be read', 'clock.hardware');
  const apart = Math.abs(hardware - nowMs);
  if (apart <= HARDWARE_MS_MAX) return;
  say.found('clock.hardware', {
    what: `the clock says ${utc(nowMs)}, the hardware clock ${utc(hardware)}: they are ${duration(apart)} apart`, fix: 'chronyc makestep (then, once the system clock is right: hwclock --systohc)', evidence: { now: utc(nowMs), hardware: utc(hardware) },
  });
}

function hardwareMs(sys: string): number | null {
  try {
    const [first] = readdirSync(join(sys, 'class/rtc')).toSorted();
    return first === undefined ? null : Number(readFileSync(join(sys, 'class/rtc', first, 'since_epoch'), 'utf8')) * 1000;
  } catch {
    return null;
  }
}

/** chrony where the configuration says that it is, else systemd's word. */
function judgeSynchronisation(place: Config['clock']['chrony'] | null, say: Say<Code>): void {
  const fields = tracking(place);
  if (fields !== null) {
    if (fields[LEAP] !== 'Not synchronised') return judgeOffset(Number(fields[OFFSET]), say);
    say.unseen('chrony follows no source', 'clock.offset');
    return say.found('clock.unsynchronised', { what: 'chrony runs and follows no source', fix: 'chronyc sources -v (which sources it has, and whether they answer)' });
  }
  say.unseen('no chrony answers here', 'clock.offset');
  const systemd = output('timedatectl', 'show', '--property=NTPSynchronized', '--value');
  if (systemd === null) return say.unseen('neither chrony nor systemd is here to tell', 'clock.unsynchronised');
  if (systemd.trim() === 'no') say.found('clock.unsynchronised', { what: 'systemd says that the clock is not synchronised', fix: 'apt-get install chrony' });
}

function judgeOffset(seconds: number, say: Say<Code>): void {
  const offset = Math.abs(seconds);
  if (offset > OFFSET_S_MAX) say.found('clock.offset', { what: `the clock is off by ${offset} s, by what disciplines it`, fix: 'chronyc makestep', evidence: { offsetSeconds: offset } });
}

/** Columns of chronyc's report; null where there is none that can be read. */
function tracking(place: Config['clock']['chrony'] | null): readonly string[] | null {
  if (place?.enabled === false) return null;
  const at = place === null ? [] : ['-h', place.address, ...(place.address.startsWith('/') ? [] : ['-p', String(place.port)])];
  const fields = output(place?.program ?? 'chronyc', '-n', '-c', ...at, 'tracking')?.trim().split(',') ?? [];
  return fields.length === TRACKING_COLUMNS && Number.isFinite(Number(fields[OFFSET])) ? fields : null;
}

function output(command: string, ...args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: COMMAND_MS_MAX, stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? stdout : null;
}

function utc(atMs: number): string {
  return new Date(atMs).toISOString();
}

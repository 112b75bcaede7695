// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClockFacts, Status } from '@strongroom/service';
import { Chronyd, chronycProgram, chronyMissing, TestAuthority } from '@strongroom/testing';
import { examine } from '../examine.ts';
import { codesOf, FoundedHome } from '../testing/founded-home.ts';
import { clockCheck } from './clock.ts';

const authority = await TestAuthority.make('Strongroom CA');

const YEAR_MS = 365 * 86_400_000;

/** Of the machine that the test runs on nothing is known. */
const ours = (codes: readonly string[]): string[] => codes.filter((code) => code !== 'clock.unsynchronised');

test('a clock that agrees with what was made here says nothing', async () => {
  using home = await FoundedHome.make(authority);
  const diagnosis = await home.examine(clockCheck, { sys: withHardwareClock(home, Date.now()) });
  assert.deepEqual(ours(codesOf(diagnosis)), []);
  assert.ok(diagnosis.fine.includes('clock.behind') && diagnosis.fine.includes('clock.hardware'));
});

test('a clock a year behind is told by what was made here later', async () => {
  using home = await FoundedHome.make(authority);
  writeFileSync(join(home.paths.log, 'checkpoint'), 'x');
  const { findings } = await home.examine(clockCheck, { sys: home.directory }, Date.now() - YEAR_MS);
  const [found] = findings.filter(({ code }) => code === 'clock.behind');
  assert.equal(found?.evidence['by'], 'the checkpoint of the log');
});

test('a system clock and a hardware clock a year apart are told, a time zone apart are not', async () => {
  using home = await FoundedHome.make(authority);
  assert.deepEqual(ours(codesOf(await home.examine(clockCheck, { sys: withHardwareClock(home, Date.now() - YEAR_MS) }))), ['clock.hardware']);
  assert.deepEqual(ours(codesOf(await home.examine(clockCheck, { sys: withHardwareClock(home, Date.now() + 7_200_000) }))), []);
});

/** A tree as /sys has it. */
function withHardwareClock(home: FoundedHome, atMs: number): string {
  const sys = join(home.directory, 'sys');
  home.write(join(sys, 'class/rtc/rtc0/since_epoch'), `${Math.floor(atMs / 1000)}\n`);
  return sys;
}

test('while skew-guard runs its word is taken', async () => {
  using home = await FoundedHome.make(authority);
  const patient = await home.patient({ sys: home.directory });
  const look = async (clock: Partial<ClockFacts>) => codesOf(await examine([clockCheck], { ...patient, status: { clock: { reason: 'r', falsetickers: [], boundNs: 1, offsetNs: 1, wallOffNs: null, grade: 'good', ...clock } } as unknown as Status }));
  assert.deepEqual(await look({ state: 'locked' }), []);
  assert.deepEqual(await look({ state: 'disputed', grade: 'limit' }), ['clock.disputed', 'clock.bound']);
  assert.deepEqual(await look({ state: 'stepped' }), ['clock.disputed']);
  assert.deepEqual(await look({ state: 'holdover' }), ['clock.unsynchronised']);
  assert.deepEqual(await look({ state: 'unsynchronised', grade: 'limit', boundNs: null, offsetNs: null }), ['clock.bound', 'clock.unsynchronised']);
  assert.deepEqual(await look({ state: 'locked', offsetNs: -1.5e9 }), ['clock.offset']);
});

/** A chronyd that follows a server of this machine's clock as `how` says, asked where the configuration says that it is. */
async function byChrony(how: string | null): Promise<readonly string[]> {
  using home = await FoundedHome.make(authority);
  const at = { address: '127.0.0.11', port: 40_000 + (process.pid % 10_000) };
  await using server = new Chronyd({ serve: at, lines: ['local stratum 1'] });
  await using client = new Chronyd({ lines: [how === null ? 'server 127.0.0.12 port 9' : `server ${at.address} port ${at.port} iburst ${how}`] });
  if (how === null) while (client.ask('tracking') === '506 Cannot talk to daemon\n') await delay(50);
  else await Promise.all([server.synchronised(), client.synchronised()]);
  home.configure({ clock: { chrony: { program: chronycProgram(), address: client.socket } } });
  const diagnosis = await home.examine(clockCheck, { sys: withHardwareClock(home, Date.now()) });
  assert.equal(diagnosis.fine.includes('clock.offset'), codesOf(diagnosis).length === 0);
  return codesOf(diagnosis);
}

test('a chronyd that is two and a half seconds off, and cannot put that right, is told of', { skip: chronyMissing() ?? false }, async () => {
  assert.deepEqual(await byChrony('offset 2.5'), ['clock.offset']);
});

test('a chronyd that follows a server which is right is fine', { skip: chronyMissing() ?? false }, async () => {
  assert.deepEqual(await byChrony(''), []);
});

test('a chronyd whose servers do not answer keeps nothing right', { skip: chronyMissing() ?? false }, async () => {
  assert.deepEqual(await byChrony(null), ['clock.unsynchronised']);
});

// SPDX-License-Identifier: Apache-2.0
// Real chronyds on loopback, and a server that does what no chronyd would. This machine's own clock is the true time of an honest server; one behind it is a quarter of a second off,
// so its truth is known too.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { stampBy, SYSTEM_CLOCKS, type ClockState } from '@strongroom/service';
import { Chronyd, chronycProgram, chronyMissing, NtpServer } from '@strongroom/testing';
import { Wander } from '../bound/wander.ts';
import { anchorOf } from '../state/anchors.ts';
import { Guard, type GuardSettings, type Judgement } from '../state/guard.ts';
import { readMoment } from '../kernel/clocks.ts';
import type { Observation } from '../state/observation.ts';
import { ChronyLine } from './line.ts';
import { referenceOf, wordsOf } from './reference.ts';

const skip = chronyMissing() ?? false;
const SETTINGS: GuardSettings = { oscillatorPpb: 1000, holdoverPpb: 15_000, holdoverNsMax: 86_400_000_000_000n };
const PORT = 20_000 + (process.pid % 10_000);
const FAST = 'iburst minpoll -2 maxpoll 0';
/** More of them in `npm run soak`. */
const LOOKS = Number(process.env['STRONGROOM_CLOCK_LOOKS'] ?? 20);
const OFF_SECONDS = 0.25;
const OFF_NS = 250_000_000n;
const from = (host: number, more = ''): string => `server 127.0.0.${host} port ${PORT} ${FAST} ${more}`;
const servers: Chronyd[] = [];

before(() => {
  if (skip !== false) return;
  for (const host of [2, 4]) servers.push(new Chronyd({ serve: { address: `127.0.0.${host}`, port: PORT }, lines: ['local stratum 1'] }));
  servers.push(new Chronyd({ serve: { address: '127.0.0.3', port: PORT }, lines: [from(2, `offset ${OFF_SECONDS}`)] }));
});
after(async () => { for (const server of servers) await server[Symbol.asyncDispose](); });

async function look(line: ChronyLine, wander: Wander): Promise<Observation> {
  const report = await line.ask().catch(() => null);
  const moment = readMoment();
  return { moment, reference: report === null ? null : referenceOf(report, wander), why: null, sources: report === null ? [] : wordsOf(report), checks: [] };
}

/** Looks again and again until a state, and from there on so many times more; each stamp must hold the truth. */
async function watch(client: Chronyd, trueOffNs: bigint, until: (judged: Judgement) => boolean, more = 0, guard = new Guard(SETTINGS)): Promise<{ guard: Guard; bounds: bigint[]; last: Judgement }> {
  const line = new ChronyLine({ program: chronycProgram(), address: client.socket, port: 0 });
  const [bounds, wander]: [bigint[], Wander] = [[], new Wander()];
  const boot = SYSTEM_CLOCKS.boot!;
  let left = more;
  for (let sequence = 1n; ; sequence += 1n) {
    const observation = await look(line, wander);
    const judged = guard.judge(observation);
    const anchor = judged.claim === null ? null : anchorOf(judged.claim, observation.moment, { boot, sequence });
    for (let i = 0; i < 500; i += 1) {
      const earlier = SYSTEM_CLOCKS.wallNs();
      const { at, bound } = stampBy(anchor, SYSTEM_CLOCKS);
      const later = SYSTEM_CLOCKS.wallNs();
      if (anchor === null) break;
      bounds.push(bound);
      assert.ok(at - bound <= later + trueOffNs && earlier + trueOffNs <= at + bound, `true time is not within ${bound} ns: ${judged.state}`);
    }
    if (left === more ? until(judged) : true) left -= 1;
    if (left < 0) {
      line.close();
      return { guard, bounds, last: judged };
    }
    await delay(100);
  }
}

test('a clock that honest servers measure is locked, and each stamp holds the truth', { skip }, async () => {
  await using client = new Chronyd({ lines: [from(2), from(4)] });
  const { bounds, last } = await watch(client, 0n, ({ state }) => state === 'locked', LOOKS);
  assert.equal(last.state, 'locked');
  assert.ok(bounds.length > 500 * LOOKS / 2);
  const median = bounds.toSorted((a, b) => Number(a - b))[bounds.length >> 1]!;
  assert.ok(median < 100_000_000n, `${median}`);
});

test('a clock that is a quarter of a second off says so: the bound holds the truth of its server', { skip }, async () => {
  await using client = new Chronyd({ lines: [from(3)] });
  const { bounds } = await watch(client, OFF_NS, ({ claim }) => claim !== null, LOOKS / 2);
  assert.ok(bounds.every((bound) => bound > 249_000_000n));
});

test('a server that lies is named, and the bound stays that of the others', { skip }, async () => {
  await using client = new Chronyd({ lines: [from(2), from(4), from(3)] });
  const { last } = await watch(client, 0n, ({ state, claim }) => state === 'disputed' && claim!.boundNs < 100_000_000n, LOOKS / 4);
  assert.deepEqual(last.falsetickers, ['127.0.0.3']);
});

test('a server that drifts away is named once it is far enough, and until then and afterwards the bound holds the truth', { skip }, async () => {
  await using drifting = await NtpServer.listen({ address: '127.0.0.5', port: PORT });
  drifting.driftPpb = 5_000_000n;
  await using client = new Chronyd({ lines: [from(2), from(4), from(5)] });
  const { last } = await watch(client, 0n, ({ state }) => state === 'disputed', LOOKS / 4);
  assert.deepEqual(last.falsetickers, ['127.0.0.5']);
  assert.ok(drifting.answers > 0);
});

test('a server whose answers come late makes the bound wider, never wrong', { skip }, async () => {
  await using late = await NtpServer.listen({ address: '127.0.0.6', port: PORT });
  late.lateMs = 60;
  await using client = new Chronyd({ lines: [from(6)] });
  const { bounds } = await watch(client, 0n, ({ claim }) => claim !== null, LOOKS / 2);
  // Half of the way is what it is off by, for all that anybody can tell.
  assert.ok(bounds.every((bound) => bound > 30_000_000n));
});

test('a server that falls silent leaves what was measured, which still holds the truth', { skip }, async () => {
  await using server = await NtpServer.listen({ address: '127.0.0.7', port: PORT });
  await using client = new Chronyd({ lines: [from(7)] });
  const { guard } = await watch(client, 0n, ({ state }) => state === 'locked', 2);
  server.isSilent = true;
  const { bounds } = await watch(client, 0n, () => true, LOOKS, guard);
  assert.ok(bounds.at(-1)! > bounds[bounds.length >> 1]!);
});

test('a discipline that dies leaves holdover, which still holds the truth, until it is back', { skip }, async () => {
  await using client = new Chronyd({ lines: [from(2), from(4)] });
  const { guard } = await watch(client, 0n, ({ state }) => state === 'locked', 2);
  await client.kill();
  const states: ClockState[] = [(await watch(client, 0n, ({ state }) => state !== 'locked', 3, guard)).last.state];
  client.again();
  states.push((await watch(client, 0n, ({ state }) => state === 'locked', 1, guard)).last.state);
  assert.deepEqual(states, ['holdover', 'locked']);
});

test('nobody there to ask is an error that says where and what to do', { skip }, async () => {
  await assert.rejects(new ChronyLine({ program: chronycProgram(), address: '127.0.0.9', port: 1 }).ask(), { code: 'chrony.away' });
  await assert.rejects(new ChronyLine({ program: '/nowhere/chronyc', address: '127.0.0.9', port: 1 }).ask(), { code: 'chrony.absent' });
});

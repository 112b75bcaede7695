// SPDX-License-Identifier: Apache-2.0
// A service that nobody of us started joins, runs, is stopped, and joins again.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EMPTY_REGISTRY, layout } from '@strongroom/service';
import { configOf } from '@strongroom/service/config';
import { Child } from './child.ts';
import { Doorway, Doorways } from './doorway.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-door-'));
const paths = layout(directory);
mkdirSync(dirname(paths.joinSocket('keys', 0)), { recursive: true });
after(() => rmSync(directory, { recursive: true }));
/** Only so that it ends. */
const ROUNDS_MAX = 60;
const FIXTURE = join(import.meta.dirname, 'child.fixture.ts');

function childAt(doorways: Doorways): Child {
  return new Child({
    service: 'capture', index: 0, lock: openSync(join(directory, 'lock'), 'a'), openKmsg: () => null, command: { file: 'false', args: [] }, environment: {}, doorway: doorways.open('capture', 0),
  }, {
    start: () => ({ kind: 'start', home: directory, config: configOf(), deployment: 'd', registry: EMPTY_REGISTRY, index: 0, separation: { kind: 'nominal', reason: 'a test', groups: null }, kmsgFd: null }),
    message: () => undefined, event: () => undefined, ended: () => undefined, misconfigured: () => undefined,
  });
}

/** As systemd would: no channel, and where to join. */
function unit(what: string, more: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, [FIXTURE], { stdio: 'inherit', env: { ...process.env, NODE_TEST_CONTEXT: '', STRONGROOM_TEST: what, STRONGROOM_MARK: join(directory, what), STRONGROOM_JOIN: paths.joinSocket('capture', 0), ...more } });
}

async function until(wished: () => boolean): Promise<void> {
  while (!wished()) await delay(20);
}

test('a service that systemd started joins, serves and stops in order; the next one joins after it', async () => {
  const doorways = new Doorways(paths, null);
  const child = childAt(doorways);
  child.start();
  assert.deepEqual([child.state, child.reason, child.pid], ['starting', 'its unit is awaited', null]);
  const first = unit('serve');
  await child.ready;
  assert.deepEqual([child.state, child.pid], ['running', first.pid]);
  first.kill('SIGKILL');
  await until(() => child.state === 'starting');
  const second = unit('serve');
  await until(() => child.state === 'running');
  assert.equal(child.pid, second.pid);
  const exit = once(second, 'exit');
  await child.stop();
  assert.deepEqual([await exit, child.state], [[0, null], 'stopped']);
  doorways.close();
});

test('one that comes before it is awaited waits, and a stop needs nobody to have come', async () => {
  const doorways = new Doorways(paths, null);
  const child = childAt(doorways);
  const early = unit('serve');
  await delay(500);
  child.start();
  await child.ready;
  assert.equal(child.pid, early.pid);
  await child.stop();
  doorways.close();
  const others = new Doorways(paths, null);
  const nobody = childAt(others);
  nobody.start();
  await nobody.stop();
  assert.equal(nobody.state, 'stopped');
  others.close();
});

test("who joins cannot have a process signalled that is not its group's", { skip: process.getuid!() !== 0 && 'only root can give a socket to a group' }, async () => {
  const path = join(directory, 'nobody.sock');
  const nobody = { uid: 65534, gid: 65534 };
  const doorway = new Doorway(path, nobody.gid);
  const awaited = doorway.next();
  let joined = 0;
  awaited.on('joined', () => { joined += 1; });
  await until(() => existsSync(path));
  const hello = async (pid: number): Promise<Socket> => {
    const socket = connect(path);
    await once(socket, 'connect');
    socket.write(`${JSON.stringify({ kind: 'hello', pid })}\n`);
    return socket;
  };
  const theirs = spawn('sleep', ['60'], nobody);
  for (const pid of [process.pid, 1, 0, -1, 0.5]) await once(await hello(pid), 'close');
  assert.equal(joined, 0);
  const socket = await hello(theirs.pid!);
  await until(() => joined === 1);
  const exit = once(theirs, 'exit');
  assert.equal(awaited.kill('SIGTERM'), true);
  assert.deepEqual(await exit, [null, 'SIGTERM']);
  assert.equal(awaited.kill('SIGTERM'), false);
  socket.destroy();
  doorway.close();
});

test('it tells systemd that it is ready and feeds the watchdog; a service whose work stands still stops feeding', async () => {
  const told = join(directory, 'told');
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  // What it is told in place of the real one, which the boot of the units uses.
  writeFileSync(join(bin, 'systemd-notify'), `#!/bin/sh\necho "$@" >> "${told}"\n`);
  chmodSync(join(bin, 'systemd-notify'), 0o755);
  writeFileSync(told, '');
  const doorways = new Doorways(paths, null);
  const child = childAt(doorways);
  child.start();
  unit('standstill', { NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '400000', PATH: `${bin}:${process.env['PATH']}` });
  await child.ready;
  const lines = (): string[] => readFileSync(told, 'utf8').split('\n');
  await until(() => lines().some((line) => line.startsWith('--ready ')) && lines().includes('WATCHDOG=1'));
  writeFileSync(join(directory, 'standstill.still'), '');
  await until(() => child.reason === 'it stands still'); // and its event loop turns: it tells us
  // What was fed before may be told late; while it is fed, it is fed ten times a second.
  for (let [fed, rounds] = [-1, 0]; fed !== lines().length; rounds += 1) {
    assert.ok(rounds < ROUNDS_MAX, 'it is fed for ever');
    fed = lines().length;
    await delay(1000);
  }
  await child.stop();
  doorways.close();
});

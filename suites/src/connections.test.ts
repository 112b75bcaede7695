// SPDX-License-Identifier: Apache-2.0
// Five thousand connections at the same time: each is heard, another source goes on, and a revocation ends them all.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Item } from '@strongroom/evidence';
import { RelpClient, startAppliance, type Appliance } from '@strongroom/testing';
import type { FromCrowd } from './connections.fixture.ts';

const CONNECTIONS = 5000;
const PROCESSES = 4;
/** For the gateway: a descriptor for each connection, and what it needs beside. */
const DESCRIPTORS = 8192;
const NEIGHBOUR_PAUSE_MS = 10;
const POLL_MS = 500;
/** Only so that what never comes ends the test. */
const POLLS_MAX = 600;
const limited = ['prlimit', `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`] as const;
const [command, ...options] = limited;
const skip = spawnSync(command, [...options, 'true']).status === 0 ? false : `machine: a process may not have ${DESCRIPTORS} open files here`;

/** A source that goes on as ever beside the crowd: one record after the other, each acknowledged. */
class Neighbour {
  readonly sent: string[] = [];
  slowestMs = 0;
  readonly client: RelpClient;
  #over = false;
  #done: Promise<void>;

  constructor(address: string, identity: string) {
    this.client = new RelpClient({ address, identity, window: 1 });
    this.#done = this.#go();
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#done;
    await this.client.close();
  }

  async #go(): Promise<void> {
    while (!this.#over) {
      const text = `<134>1 - - neighbour - - - ${this.sent.length}`;
      const startedAt = performance.now();
      this.sent.push(text);
      await this.client.send([text]);
      await this.client.settle();
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
      await delay(NEIGHBOUR_PAUSE_MS);
    }
  }
}

/** Resident memory of a process in MiB: now, and at most so far. */
function memory(pid: number): { nowMiB: number; mostMiB: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [now, most] = ['VmRSS', 'VmHWM'].map((name) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)![1]) / 1024));
  return { nowMiB: now!, mostMiB: most! };
}

describe('5,000 connections', { skip }, () => {
  let appliance: Appliance;
  let neighbour: Neighbour;
  let gateway: number;
  let quietMiB: number;
  const crowd: ChildProcess[] = [];

  before(async () => {
    const gatewayConfig = { maxConnections: CONNECTIONS + 1, perSource: { connections: CONNECTIONS } };
    appliance = await startAppliance({ config: { gateway: gatewayConfig }, wrapper: limited });
    const { services } = await appliance.status();
    gateway = services.find(({ name }) => name === 'gateway')!.pid!;
    neighbour = new Neighbour(appliance.addresses['relp-tls']!, await appliance.enrol('neighbour'));
    quietMiB = memory(gateway).nowMiB;
  });
  after(async () => {
    for (const child of crowd) child.kill('SIGKILL');
    await neighbour?.stop();
    await appliance?.stop();
  });

  async function search(...query: string[]): Promise<Item[]> {
    const { code, stdout, stderr } = await appliance.cli('search', ...query, '-o', 'jsonl');
    assert.equal(code, 0, stderr);
    return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Item);
  }

  /** Polls until so many are there; what there is when that never comes. */
  async function searchUntil(count: number, ...query: string[]): Promise<Item[]> {
    for (let polls = 1; ; polls += 1) {
      const items = await search(...query);
      if (items.length >= count || polls === POLLS_MAX) return items;
      await delay(POLL_MS);
    }
  }

  /** What each process of the crowd says next. Rejects when one ends instead. */
  function hear(): Promise<FromCrowd[]> {
    return Promise.all(crowd.map(async (child) => {
      const gone = once(child, 'exit').then(([code]) => { throw new Error(`a process of the crowd ended with ${code}`); });
      const [message] = (await Promise.race([once(child, 'message'), gone])) as [FromCrowd];
      gone.catch(() => undefined); // it may end now
      return message;
    }));
  }

  it('send, each its record, and all are found', async () => {
    const identity = await appliance.enrol('crowd');
    const [host = '', port = ''] = appliance.addresses['syslog-tls']!.split(':');
    const share = CONNECTIONS / PROCESSES;
    const startedAt = performance.now();
    for (let i = 0; i < PROCESSES; i += 1) {
      const args = [join(import.meta.dirname, 'connections.fixture.ts'), host, port, identity, `${i * share}`, `${share}`];
      crowd.push(spawn(command, [...options, process.execPath, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
    }
    await hear();
    console.log(`# ${CONNECTIONS} connections open after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    for (const child of crowd) child.send('send');
    const items = await searchUntil(CONNECTIONS, '--source', 'crowd', '--kind', 'data');
    const expected = Array.from({ length: CONNECTIONS }, (_, i) => `<134>1 - - crowd - - - connection ${i}`);
    assert.deepEqual(items.map(({ raw }) => raw!).toSorted(), expected.toSorted());
    assert.equal(new Set(items.map(({ stream }) => stream)).size, CONNECTIONS);
    assert.equal((await search('--source', 'crowd', '--kind', 'end')).length, 0, 'all are still open');
    const { nowMiB, mostMiB } = memory(gateway);
    console.log(`# gateway: ${quietMiB} MiB resident before, ${nowMiB} MiB with ${CONNECTIONS} connections, ${mostMiB} MiB at most`);
  });

  it('are all closed when their source is revoked', async () => {
    const closed = hear();
    const { code, stdout, stderr } = await appliance.cli('revoke', 'crowd', '--reason', 'the crowd goes home', '-o', 'json');
    assert.equal(code, 0, stderr);
    const revokedAtMs = Date.parse((JSON.parse(stdout) as { revokedAt: string }).revokedAt);
    const times = (await closed).map((message) => (message.kind === 'closed' ? message : assert.fail('not closed')));
    const [firstAtMs, lastAtMs] = [Math.min(...times.map((one) => one.firstAtMs)), Math.max(...times.map((one) => one.lastAtMs))];
    console.log(`# closed between ${firstAtMs - revokedAtMs} ms and ${lastAtMs - revokedAtMs} ms after the revocation`);
    const ends = await searchUntil(CONNECTIONS, '--source', 'crowd', '--kind', 'end');
    assert.equal(ends.length, CONNECTIONS);
    for (const { raw } of ends) {
      const { records, reason } = JSON.parse(raw!) as { records: number; reason: string };
      assert.deepEqual([records, reason], [1, 'revoked']);
    }
  });

  it('leave another source unharmed, and a store that verifies', async () => {
    await neighbour.stop();
    const slowest = `the slowest was acknowledged after ${Math.round(neighbour.slowestMs)} ms`;
    console.log(`# a neighbour sent ${neighbour.sent.length} records meanwhile, ${slowest}`);
    assert.deepEqual([neighbour.client.connections, neighbour.client.refused], [1, []]);
    const items = await search('--source', 'neighbour', '--kind', 'data');
    assert.deepEqual(items.map(({ raw }) => raw), neighbour.sent);
    assert.deepEqual(neighbour.client.acked, neighbour.sent);
    const { code, stdout } = await appliance.cli('verify', '-o', 'json');
    assert.equal(code, 0, stdout);
  });
});

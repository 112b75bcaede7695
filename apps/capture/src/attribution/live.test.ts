// SPDX-License-Identifier: Apache-2.0
// The real kernel by the real probe: processes that are gone at once, in cgroups, namespaces and logins of their own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_KEY } from '@strongroom/evidence';
import { EbpfOrigin } from '../ebpf/origin.ts';
import { Feed } from '../feed.ts';
import { ReaderLine } from '../reader/line.ts';
import { LocalStream } from '../stream.ts';
import { Probe, probeMissing } from '../testing/probe.ts';
import { SealedLine } from '../testing/sealed-line.ts';
import { Attribution } from './attribution.ts';
import { cgroupMounts } from './cgroup-mounts.ts';

const missing = probeMissing();
const root = mkdtempSync(join(tmpdir(), 'strongroom-who-'));
const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
const mounts = missing === false ? cgroupMounts() : { v1: null, v2: null };

interface Facts {
  readonly person: string | null;
  readonly unit: string | null;
  readonly container: { readonly runtime: string | null; readonly id: string } | null;
  readonly cgroup: string | null;
  readonly executable: string | null;
  readonly ancestry: readonly { readonly pid: number; readonly started: number | null; readonly name: string | null; readonly executable: string | null }[];
}

interface Event {
  readonly pid: number;
  readonly started: number;
  readonly parent: number;
  readonly uid: number;
  readonly login: number | null;
  readonly who: Facts;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let round = 0; !holds(); round += 1) {
    assert.ok(round < 3000, `${what} did not come`);
    await delay(20);
  }
}

const stream = (protocol: string): LocalStream => new LocalStream({ id: 'spiffe://test/service/capture', keyHash: NO_KEY }, protocol, () => undefined);

describe('who is behind the events of this machine', { skip: missing }, () => {
  const line = new SealedLine();
  const stop = new AbortController();
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    const feed = new Feed(line, { boot, kmsg: null, audit: null, cursor: null }, () => assert.fail('denied'));
    const facts = stream('process');
    const who = new Attribution({ tell: (lines) => feed.add(facts.take(lines.map((line) => ({ raw: Buffer.from(line) })))) });
    await who.start(stop.signal);
    const origin = new EbpfOrigin({ feed, stream: stream('ebpf'), say: () => undefined, recordBytesMax: 262_144, who });
    const path = join(root, 'ebpf.sock');
    const server = new ReaderLine(path, { frame: (kind, payload) => origin.frame(kind, payload), ready: () => Promise.resolve(), gone: () => undefined, second: () => assert.fail('a second probe') });
    await server.listen();
    const probe = new Probe([path]);
    cleanups.push(() => server.close(), () => probe.stop());
    await until(() => line.events().some(({ event }) => event === 'ebpf.reading'), 'the probe');
  });
  after(async () => {
    stop.abort();
    for (const cleanup of cleanups.toReversed()) await cleanup();
    rmSync(root, { recursive: true });
  });

  /** Runs a shell script in which MARK is a text of its own, and returns the events of commands that had it. */
  async function run(script: string, ...before: string[]): Promise<Event[]> {
    const mark = randomUUID();
    const [program, ...args] = [...before, 'sh', '-c', script.replaceAll('MARK', mark)];
    const { status, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const found = (): string[] => line.texts('ebpf').filter((text) => text.includes(mark) && text.includes('"executable":"/bin/true"'));
    await until(() => found().length > 0, 'the execution');
    return found().map((text) => JSON.parse(text) as Event);
  }

  /** Facts that were told of a process, in an event or later by themselves. */
  async function known(event: Event, holds: (facts: Facts) => boolean): Promise<void> {
    const later = (): Facts[] => line.texts('process').map((text) => JSON.parse(text) as Event & Facts).filter(({ pid, started }) => pid === event.pid && started === event.started);
    await until(() => [event.who, ...later()].some(holds), `what is wanted of ${JSON.stringify(event)}`);
  }

  /** Makes it below one of our own, which systemd and runtimes leave alone. */
  function cgroup(mount: string, ...names: readonly string[]): string {
    const path = join(mount, ...names);
    for (let index = 1; index <= names.length; index += 1) {
      const directory = join(mount, ...names.slice(0, index));
      mkdirSync(directory);
      cleanups.push(() => rmdirSync(directory));
    }
    return path;
  }

  it('is told with all ancestors of a process that is gone at once', async () => {
    const [event] = await run('/bin/true MARK; :');
    const { ancestry, executable } = event!.who;
    assert.equal(executable, '/bin/true');
    assert.equal(ancestry[0]!.pid, event!.parent);
    assert.match(ancestry[0]!.executable!, /sh$/);
    assert.equal(ancestry[1]!.pid, process.pid);
    assert.ok(ancestry.length >= 8 || ancestry.at(-1)!.pid === 1, JSON.stringify(ancestry));
    assert.ok(ancestry.every(({ started, name }) => started !== null && name !== null));
  });

  it('is told of a process in a user and process namespace by what it is outside of it', async () => {
    const [event] = await run('/bin/true MARK; :', 'unshare', '-Urp', '--fork');
    assert.ok(event!.who.ancestry.some(({ pid }) => pid === process.pid), JSON.stringify(event));
    assert.ok(event!.pid > 2);
  });

  it('names the container of a cgroup that was made just before, and that of a service', { skip: mounts.v1 === null && mounts.v2 === null ? 'machine: no cgroups' : false }, async () => {
    const id = randomBytes(32).toString('hex');
    const mount = mounts.v1 ?? mounts.v2!;
    const [top, unit] = [`strongroom-test-${id.slice(0, 8)}.slice`, `strongroom-test-${process.pid}.service`];
    const place = cgroup(mount, ...mounts.v1 === null ? [top, `docker-${id}.scope`] : [top, 'docker', id]);
    const [event] = await run(`echo $$ > ${place}/cgroup.procs && exec /bin/true MARK`);
    await known(event!, ({ container }) => container?.runtime === 'docker' && container.id === id);
    if (mounts.v2 === null) return;
    const [service] = await run(`echo $$ > ${cgroup(mounts.v2, `v2-${top}`, unit)}/cgroup.procs && exec /bin/true MARK`);
    await known(service!, (facts) => facts.unit === unit && facts.cgroup === `/v2-${top}/${unit}` && facts.container === null);
  });

  it('names the person who logged in, whoever acts', async () => {
    const events = await run('(echo 65534 > /proc/self/loginuid && exec /bin/true MARK); /bin/true MARK');
    const [inside, outside] = events.toSorted((a, b) => Number(b.login !== null) - Number(a.login !== null));
    assert.deepEqual([inside!.uid, inside!.login, inside!.who.person], [0, 65534, 'nobody']);
    assert.equal(outside!.who.person === null, outside!.login === null);
  });
});

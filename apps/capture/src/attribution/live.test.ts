// SPDX-License-Identifier: Apache-2.0
// The real kernel by the real probe: processes that are gone at once, in cgroups, namespaces and logins of their own.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_KEY } from '@strongroom/evidence';
import type { ClockSetMessage, ClockSetter } from '@strongroom/service';
import { clockCalls } from '../ebpf/clock-calls.ts';
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

interface Told extends Event {
  readonly type: string;
  readonly executable: string;
  readonly call: string;
  readonly result: number;
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
  const sealed = (): Told[] => line.texts('ebpf').map((text) => JSON.parse(text) as Told);
  const stop = new AbortController();
  const cleanups: (() => unknown)[] = [];
  const clockSetters: ClockSetter[] = [];

  before(async () => {
    const feed = new Feed(line, { boot, kmsg: null, audit: null, cursor: null }, () => assert.fail('denied'));
    const facts = stream('process');
    const who = new Attribution({ tell: (lines) => feed.add(facts.take(lines.map((line) => ({ raw: Buffer.from(line) })))) });
    await who.start(stop.signal);
    const clockCall = clockCalls({ config: { clock: { enabled: true } }, send: ({ by }: ClockSetMessage) => void clockSetters.push(by) });
    const origin = new EbpfOrigin({ feed, stream: stream('ebpf'), say: () => undefined, recordBytesMax: 262_144, who, clockCall });
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

  it('tells skew-guard who set the clock: process, person and unit; and of nobody who may not', { skip: mounts.v2 === null ? 'machine: no cgroups' : false }, async () => {
    const unit = `strongroom-clock-${process.pid}.service`;
    const place = cgroup(mounts.v2!, unit);
    const script = `echo 65534 > /proc/self/loginuid; echo $$ > ${place}/cgroup.procs; exec /usr/bin/python3 -c "$0"`;
    const setter = spawn('sh', ['-c', script, SET_CLOCK], { stdio: ['ignore', 'ignore', 'inherit'] });
    const gone = once(setter, 'exit');
    cleanups.push(() => {
      setter.kill('SIGKILL');
      return gone;
    });
    const mine = (): ClockSetter[] => clockSetters.filter(({ pid }) => pid === setter.pid);
    await until(() => mine().some(({ call, unit: by }) => call === 'settimeofday' && by === unit), 'who set it');
    await until(() => mine().some(({ call, unit: by }) => call === 'adjtimex' && by === unit), 'who adjusted it');
    const { atNs, ...who } = mine().findLast(({ call }) => call === 'settimeofday')!;
    // It is told at once, and sealed a moment later.
    const executions = (): string[] => sealed().filter(({ type, pid, executable: path }) => type === 'exec' && pid === setter.pid && path.includes('python3')).map(({ executable }) => executable);
    await until(() => executions().length > 0, 'its execution');
    const [executable] = executions();
    assert.deepEqual(who, { call: 'settimeofday', pid: setter.pid, name: 'python3', login: 65534, person: 'nobody', executable, unit, container: null });
    assert.ok(atNs > 0 && Math.abs(Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1e9 - atNs) < 600e9);
    // Whoever is not allowed to was seen, and refused.
    const refusals = (): Told[] => sealed().filter(({ type, parent }) => type === 'time' && parent === setter.pid);
    await until(() => refusals().length >= 3, 'the refusals');
    const refused = refusals();
    assert.deepEqual([...new Set(refused.map(({ call, result }) => `${call} ${result}`))].toSorted(), ['adjtimex -1', 'clock_settime -1', 'settimeofday -1']);
    assert.deepEqual(clockSetters.filter(({ pid }) => refused.some((event) => event.pid === pid)), []);
  });
});

/**
 * Sets the clock again and again so that it stays as it is: settimeofday() to no time, adjtimex() to the status that there is. A child without
 * rights tries the same, and to set it to what it shows.
 */
const SET_CLOCK = `
import ctypes, os, time
libc = ctypes.CDLL(None)
settimeofday, adjtimex = (170, 171) if os.uname().machine == 'aarch64' else (164, 159)
def adjust():
    timex = (ctypes.c_ubyte * 256)()
    libc.syscall(adjtimex, timex)
    timex[0] = 0x10
    return libc.syscall(adjtimex, timex)
child = os.fork()
if child == 0:
    os.setresuid(65534, 65534, 65534)
    now = (ctypes.c_long * 2)(*divmod(time.time_ns(), 10 ** 9))
    assert libc.clock_settime(0, now) == -1 and libc.syscall(settimeofday, None, None) == -1 and adjust() == -1
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
while True:
    assert libc.syscall(settimeofday, None, None) == 0 and adjust() >= 0
    time.sleep(0.1)
`;

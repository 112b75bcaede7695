// SPDX-License-Identifier: Apache-2.0
// The real kernel and the real probe. The acts change nothing of the machine: their files are of a directory of their own,
// their mounts of a namespace of their own, and what would change the machine is refused.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { kernelAlone } from '@strongroom/testing';
import { ReaderLife } from '../testing/reader-life.ts';
import { Probe, probeMissing, PROGRAM } from '../testing/probe.ts';
import { decodeToken, type Position } from '../token.ts';
import { EbpfOrigin } from './origin.ts';

const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'strongroom-ebpf-')));
await kernelAlone();
const missing = probeMissing() || (existsSync('/usr/bin/python3') ? false : 'the acts are done in Python');
type Event = Readonly<Record<string, unknown>>;

class Life extends ReaderLife {
  readonly origin: EbpfOrigin;

  constructor(path: string, last: Position = { boot, kmsg: null, audit: null, cursor: null }) {
    super('ebpf', path, last);
    const { feed, stream } = this;
    this.origin = new EbpfOrigin({ feed, stream, say: () => undefined, recordBytesMax: 262_144 });
  }

  get acts(): Event[] {
    return this.line.texts('ebpf').map((text) => JSON.parse(text) as Event);
  }

  told(name: string): Event[] {
    return this.line.events().filter(({ event }) => event === name).map(({ fields }) => fields);
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (let round = 0; !holds(); round += 1) {
      assert.ok(round < 3000, `${what} did not come`);
      await delay(20);
    }
  }

  /** Everything before now has come: a program with a name of its own is executed, and found. */
  async settled(): Promise<void> {
    const mark = randomUUID();
    await this.until(() => {
      spawnSync('true', [mark]);
      return this.line.texts('ebpf').some((text) => text.includes(mark));
    }, 'the mark');
  }

  balance(): void {
    this.origin.seal();
    void this.feed.drain();
    const { produced, received, sealed, waiting, own, lostOverrun, lostNotRead, lostUnseen } = this.told('ebpf.ledger').at(-1) as Record<string, number>;
    assert.equal(produced!, received! + own! + lostOverrun! + lostNotRead! + lostUnseen!);
    assert.equal(received!, sealed! + waiting!);
    assert.equal(received, this.acts.length);
  }
}

const SCRIPT = `
import ctypes, os, signal, socket, sys
d = sys.argv[1]; libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.argtypes = [ctypes.c_long] + [ctypes.c_void_p] * 5
open(d + '/watched/deep/file', 'w').close()
open(d + '/free', 'w').close()
os.chmod(d + '/free', 0o640); os.chown(d + '/free', 1, 2)
os.rename(d + '/free', d + '/moved'); os.unlink(d + '/moved')
os.mkdir(d + '/gone'); os.rmdir(d + '/gone')
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1)
c = socket.create_connection(s.getsockname()); s.accept()
libc.syscall(321, 999, None, 0, None, None)
libc.syscall(313, -1, b'strongroom=1', 0, None, None)
libc.syscall(176, b'strongroom_none', 0o4000, None, None, None)
libc.syscall(101, 16, 0x7ffffff0, None, None, None)
libc.syscall(227, 9999, None, None, None, None)
libc.syscall(164, None, None, None, None, None)
child = os.fork()
if child == 0:
    os.setresuid(60999, 60999, 60999); signal.pause(); os._exit(0)
import time
while open(f'/proc/{child}/status').read().split('Uid:')[1].split()[0] != '60999': time.sleep(0.01)
os.kill(child, 15); os.waitpid(child, 0)
if libc.unshare(0x20000) == 0:
    libc.mount(b'none', b'/', None, 0x44000, None)
    libc.mount(b'strongroom-test', d.encode(), b'tmpfs', 0, None); libc.umount2(d.encode(), 2)
sys.exit(7)
`;

describe('kernel events by the real probe', { skip: missing }, () => {
  let number = 0;
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => { for (const cleanup of cleanups.splice(0).toReversed()) await cleanup(); });
  after(() => rmSync(root, { recursive: true }));

  async function open(last?: Position, path = join(root, `${number += 1}.sock`)): Promise<Life> {
    const life = new Life(path, last);
    await life.server.listen();
    cleanups.push(() => { life.dead = true; life.server.close(); });
    return life;
  }

  async function start(life: Life, args: readonly string[] = []): Promise<Probe> {
    const probe = new Probe([life.path, ...args]);
    cleanups.push(() => probe.stop('SIGKILL'));
    const readings = life.told('ebpf.reading').length;
    await life.until(() => life.told('ebpf.reading').length > readings, `the probe (${probe.output})`);
    return probe;
  }

  /** A program is executed 400 times while nothing is read from the probe's line; then all that there is of it is read. */
  async function whileHeld(args: readonly string[], given: readonly string[]): Promise<Life> {
    const life = await open();
    const probe = await start(life, args);
    const release = life.hold();
    const { status } = spawnSync('sh', ['-c', 'i=0; while [ $i -lt 400 ]; do /bin/true "$@"; i=$((i + 1)); done', 'sh', ...given]);
    assert.equal(status, 0);
    release();
    await life.settled();
    await probe.stop();
    await life.until(() => life.told('ebpf.probe-gone').length > 0, 'the end');
    life.balance();
    return life;
  }

  it('finds each of many distinct acts with what it was done to, by whom, and how it ended', async () => {
    const directory = join(root, 'acts');
    spawnSync('mkdir', ['-p', join(directory, 'watched/deep')]);
    writeFileSync(join(root, 'acts.py'), SCRIPT);
    const life = await open();
    await start(life, ['--watch', join(directory, 'watched')]);
    const long = 'x'.repeat(9000);
    spawnSync('true', [long]);
    const { pid, status, stderr } = spawnSync('/usr/bin/python3', [join(root, 'acts.py'), directory], { encoding: 'utf8' });
    assert.equal(status, 7, stderr);
    await life.settled();
    const all = life.acts;
    const mine = all.filter((event) => event['pid'] === pid);
    const find = (wanted: Event, among = mine): Event => {
      const found = among.find((event) => Object.entries(wanted).every(([name, value]) => JSON.stringify(event[name]) === JSON.stringify(value)));
      assert.ok(found, `${JSON.stringify(wanted)} is not among\n${among.map((event) => JSON.stringify(event)).join('\n')}`);
      return found;
    };
    const exec = find({ type: 'exec', command: ['/usr/bin/python3', join(root, 'acts.py'), directory], parent: process.pid, uid: 0, euid: 0 });
    assert.match(exec['executable'] as string, /python3/);
    const [major, inode] = [exec['device'], exec['inode']];
    assert.ok(typeof major === 'string' && inode === statSync(realpathSync(exec['executable'] as string)).ino);
    assert.ok((exec['cgroup'] as number) > 0 && (exec['mountSpace'] as number) > 0 && exec['login'] !== undefined);
    const written = find({ type: 'open', path: `${directory}/watched/deep/file`, claimed: true });
    assert.equal(written['inode'], statSync(`${directory}/watched/deep/file`).ino);
    assert.equal(mine.filter(({ type }) => type === 'open').length, 1, 'nothing outside of what is watched');
    find({ type: 'mode', call: 'chmod', result: 0, mode: 0o640, path: `${directory}/free` });
    find({ type: 'owner', result: 0, toUid: 1, toGid: 2, path: `${directory}/free` });
    find({ type: 'rename', result: 0, path: `${directory}/free`, to: `${directory}/moved` });
    find({ type: 'delete', call: 'unlink', result: 0, path: `${directory}/moved` });
    find({ type: 'delete', call: 'rmdir', result: 0, path: `${directory}/gone` });
    find({ type: 'bind', result: 0, address: { family: 'inet', address: '127.0.0.1', port: 0 } });
    const { address } = find({ type: 'connect', call: 'connect' }) as { address: { address: string; port: number } };
    assert.ok(address.address === '127.0.0.1' && address.port > 0);
    find({ type: 'accept', call: 'accept4' });
    find({ type: 'bpf', command: 999, result: -22 });
    find({ type: 'module', call: 'finit_module', path: 'strongroom=1' });
    find({ type: 'module', call: 'delete_module', path: 'strongroom_none' });
    find({ type: 'ptrace', request: 16, target: 0x7ffffff0, result: -3 });
    find({ type: 'time', call: 'clock_settime', clock: 9999, result: -22 });
    find({ type: 'time', call: 'settimeofday', result: 0 });
    const child = find({ type: 'credentials', call: 'setresuid', toUid: 60999, result: 0 }, all.filter(({ parent }) => parent === pid));
    find({ type: 'signal', signal: 15, target: child['pid'], targetUid: 60999 });
    find({ type: 'exit', pid: child['pid'], signal: 15 }, all);
    find({ type: 'namespace', call: 'unshare', cloneFlags: 0x20000, result: 0 });
    find({ type: 'mount', call: 'mount', path: 'strongroom-test', to: directory, result: 0 });
    find({ type: 'mount', call: 'umount2', path: directory, result: 0 });
    assert.ok(mine.some(({ type, capability }) => type === 'capability' && capability === 0), 'CAP_CHOWN');
    find({ type: 'exit', status: 7, signal: 0 });
    const cut = all.find(({ command }) => Array.isArray(command) && String(command[1]).startsWith('xxxx'))!;
    assert.equal(cut['commandBytes'], 'true'.length + 1 + long.length + 1);
    assert.ok(String((cut['command'] as string[])[1]).length > 8000);
    life.balance();
    assert.equal(life.origin.ledger.unseen, 0);
  });

  it('says of a program that lies in memory alone that nobody hashes it', async () => {
    const life = await open();
    await start(life);
    const [mark, plain] = [randomUUID(), join(root, 'plain')];
    copyFileSync('/bin/true', plain);
    const script = "import os, sys; fd = os.memfd_create('strongroom'); os.write(fd, open('/bin/true', 'rb').read()); os.execve(fd, ['in-memory', sys.argv[1]], {})";
    assert.equal(spawnSync('/usr/bin/python3', ['-c', script, mark]).status, 0);
    assert.equal(spawnSync(plain, [mark]).status, 0);
    await life.settled();
    const told = life.acts.filter(({ type, command }) => type === 'exec' && (command as string[])[1] === mark);
    assert.deepEqual(told.map(({ unhashed }) => unhashed), ['memfd', undefined]);
  });

  it('tells of each thread when its process was started', async () => {
    const life = await open();
    await start(life);
    const script = "import os, threading, time\ndef act():\n  try: os.unlink('/strongroom-none')\n  except FileNotFoundError: pass\ntime.sleep(0.05)\nt = threading.Thread(target=act); t.start(); t.join()";
    const { pid } = spawnSync('/usr/bin/python3', ['-c', script]);
    await life.settled();
    const mine = life.acts.filter((event) => event['pid'] === pid);
    const thread = mine.find(({ type, tid }) => type === 'delete' && tid !== pid);
    assert.ok(thread, 'an act of a thread');
    assert.equal(thread['started'], mine.find(({ type }) => type === 'exec')!['started']);
  });

  it('counts what a tiny ring could not hold, by type and processor, and the sums balance', async () => {
    const life = await whileHeld(['--ring-bytes', '4096', '--hold-bytes', '0'], []);
    const lost = life.told('ebpf.missing');
    assert.ok(lost.length > 0 && lost.every(({ reason, cpu, fromNs, toNs }) => reason === 'overrun' && typeof cpu === 'number' && BigInt(fromNs as string) < BigInt(toNs as string)));
    assert.ok(lost.some(({ type }) => type === 'exec'));
    assert.deepEqual([life.origin.ledger.unseen, life.origin.ledger.overrun], [0, lost.reduce((sum, { count }) => sum + (count as number), 0)]);
  });

  it('loses nothing that finds room in memory while capture does not read, and says that it is held there', async () => {
    const mark = randomUUID();
    const life = await whileHeld(['--ring-bytes', String(2 ** 21)], [mark, 'x'.repeat(7000)]);
    assert.deepEqual(life.told('ebpf.missing'), []);
    assert.equal(life.line.texts('ebpf').filter((text) => text.includes(`"/bin/true","${mark}"`) && text.startsWith('{"type":"exec"')).length, 400);
    assert.ok(life.told('ebpf.note').some(({ text }) => /does not keep up/.test(String(text))));
  });

  it('tells from when to when nobody watched, when the probe was killed', async () => {
    const life = await open();
    const first = await start(life);
    await life.settled();
    await first.stop('SIGKILL');
    await life.until(() => life.told('ebpf.probe-gone').length === 1, 'its end');
    await start(life);
    await life.settled();
    const [gap] = life.told('ebpf.missing');
    assert.deepEqual([gap!['reason'], gap!['count']], ['not-watched', null]);
    assert.ok(BigInt(gap!['fromNs'] as string) < BigInt(gap!['toNs'] as string));
    life.balance();
  });

  it('goes on behind what was sealed when capture is killed, and counts what was on its way', async () => {
    const life = await open();
    await start(life);
    await life.settled();
    const sealed = decodeToken(life.line.token)!;
    life.dead = true; // what comes from here on is read, and never sealed
    for (let round = 0; round < 20; round += 1) spawnSync('true');
    await delay(200);
    life.server.close();
    const next = await open(sealed, life.path);
    for (let round = 0; round < 20; round += 1) spawnSync('true', ['between']);
    await next.settled();
    next.balance();
    const missed = next.told('ebpf.missing');
    assert.ok(missed.every(({ reason }) => reason === 'not-read'));
    assert.equal(next.origin.ledger.notRead, missed.reduce((sum, { count }) => sum + (count as number), 0));
    const covered = next.acts.length + next.origin.ledger.notRead + next.origin.ledger.overrun;
    assert.equal(decodeToken(next.line.token)!.ebpf!.settled - sealed.ebpf!.settled, covered, 'each number once: sealed, or told as missing');
    assert.equal(next.origin.ledger.unseen, 0);
  });

  it('counts what our own processes do with files and sockets, and tells what they execute', async () => {
    const life = await open();
    const directory = mkdtempSync(join(root, 'own-'));
    const probe = await start(life, ['--own', String(process.pid)]);
    writeFileSync(join(directory, 'mine'), '');
    rmSync(join(directory, 'mine'));
    await life.settled();
    spawnSync('sh', ['-c', `> ${directory}/theirs; /bin/rm ${directory}/theirs; :`]);
    await life.settled();
    const paths = life.acts.filter(({ type }) => type === 'delete').map(({ path }) => path);
    assert.ok(!paths.includes(`${directory}/mine`) && paths.includes(`${directory}/theirs`));
    await probe.stop(); // it tells such counts now and then, and at its end
    await life.until(() => life.told('ebpf.probe-gone').length > 0, 'its end');
    assert.ok((life.origin.ledger.own.delete ?? 0) > 0);
  });

  it('knows its own by whose child it is, in a pid namespace too', async () => {
    const life = await open();
    const directory = mkdtempSync(join(root, 'inner-'));
    const script = '"$0" "$1" --own $$ & probe=$!; while [ ! -e "$2/go" ]; do sleep 0.05; done; mkdir "$2/mine"; sh -c \'rmdir "$1/mine"; :\' sh "$2"; kill $probe; wait';
    const inner = spawn('unshare', ['-pf', '--mount-proc', 'sh', '-c', script, PROGRAM, life.path, directory], { stdio: 'ignore' });
    await life.until(() => life.told('ebpf.reading').length > 0, 'the probe');
    writeFileSync(join(directory, 'go'), '');
    await once(inner, 'exit');
    await life.until(() => life.told('ebpf.probe-gone').length > 0, 'its end');
    const paths = life.acts.filter(({ path }) => path === `${directory}/mine`).map(({ type }) => type);
    assert.deepEqual(paths, ['delete'], 'what the child of a child did, and not what the child did');
    assert.ok((life.origin.ledger.own.make ?? 0) > 0);
  });
});

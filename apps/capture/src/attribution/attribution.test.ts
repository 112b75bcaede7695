// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { EventLines } from '../ebpf/event-line.ts';
import { parseEvents } from '../ebpf/frames.ts';
import { probeEvent, type EventFacts } from '../testing/probe-events.ts';
import { Attribution } from './attribution.ts';
import { People } from './people.ts';
import { isGone, readProcess } from './proc.ts';
import { Process, ProcessTable } from './process-table.ts';

const [EXEC, EXIT, DELETE] = [0, 1, 2];
const root = mkdtempSync(join(tmpdir(), 'strongroom-who-'));
after(() => rmSync(root, { recursive: true }));
const passwd = join(root, 'passwd');
writeFileSync(passwd, 'root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nalso:x:1000:1000::/:/bin/sh\n');

interface Who {
  readonly person: string | null;
  readonly executable: string | null;
  readonly escaped?: true;
  readonly ancestry?: readonly { pid: number; started: number | null; name: string | null; executable: string | null; escaped?: true }[];
  readonly ancestryIn?: string;
}

/** Events of processes that are far from any of this machine. */
class Machine {
  readonly #lines = new EventLines(new Attribution({ tell: null, people: new People(passwd) }));
  #sequence = 0;

  who(...all: readonly EventFacts[]): Who[] {
    for (const event of parseEvents(Buffer.concat(all.map((facts) => probeEvent({ sequence: this.#sequence++, ...facts }))))) this.#lines.add(event);
    const { data, lengths } = this.#lines.take();
    let at = 0;
    return Array.from(lengths, (length) => (JSON.parse(data.toString('utf8', at, at += length)) as { who: Who }).who);
  }

  exec(pid: number, parent: number, path: string, started: bigint, more: EventFacts = {}): Who {
    return this.who({ type: EXEC, pid, parent, started, time: started + 5n, name: path.slice(path.lastIndexOf('/') + 1), second: Buffer.from(path), ...more })[0]!;
  }
}

const pids = (who: Who): number[] => who.ancestry!.map(({ pid }) => pid);

describe('who', () => {
  it('tells ancestors, parent first, with what they were executing, and once for each execution', () => {
    const machine = new Machine();
    machine.exec(100, 0, '/sbin/init', 1n);
    machine.exec(200, 100, '/usr/sbin/sshd', 10n);
    const who = machine.exec(300, 200, '/bin/sh', 20n, { login: 1000 });
    assert.equal(who.person, 'alice');
    assert.deepEqual(who.ancestry, [
      { pid: 200, started: 10, name: 'sshd', executable: '/usr/sbin/sshd' }, { pid: 100, started: 1, name: 'init', executable: '/sbin/init' },
    ]);
    const [removed, again] = machine.who({ type: DELETE, pid: 300, parent: 200, started: 20n, login: 1000 }, { type: DELETE, pid: 300, parent: 200, started: 20n, login: 1000 });
    assert.deepEqual(removed, { person: 'alice', unit: null, container: null, cgroup: null, executable: '/bin/sh', ancestryIn: '0/2' });
    assert.deepEqual(again, removed);
    assert.deepEqual(pids(machine.exec(300, 200, '/bin/rm', 20n)), [200, 100]);
  });

  it('knows ancestors that are gone', () => {
    const machine = new Machine();
    machine.exec(100, 0, '/sbin/init', 1n);
    machine.exec(200, 100, '/bin/short', 10n);
    machine.exec(300, 200, '/bin/child', 20n);
    machine.who({ type: EXIT, pid: 200, parent: 100, started: 10n, time: 30n });
    machine.exec(400, 300, '/bin/grandchild', 40n);
    assert.deepEqual(pids(machine.exec(500, 400, '/bin/last', 50n)), [400, 300, 200, 100]);
  });

  it('takes no process for the parent that got its id later, or ended before', () => {
    const machine = new Machine();
    machine.exec(200, 0, '/bin/first', 10n);
    machine.who({ type: EXIT, pid: 200, started: 10n, time: 20n });
    assert.deepEqual(machine.exec(300, 200, '/bin/child', 30n).ancestry, [{ pid: 200, started: null, name: null, executable: null }]);
    machine.exec(200, 0, '/bin/second', 40n);
    assert.deepEqual(machine.exec(301, 200, '/bin/child', 35n).ancestry, [{ pid: 200, started: null, name: null, executable: null }]);
    assert.equal(machine.exec(302, 200, '/bin/child', 50n).ancestry![0]!.executable, '/bin/second');
  });

  it('gives what was forked the program that its parent was executing then', () => {
    const machine = new Machine();
    machine.exec(200, 0, '/bin/sh', 10n);
    machine.exec(200, 0, '/bin/later', 10n, { time: 100n });
    const [before, after, thread] = machine.who(
      { type: DELETE, pid: 301, parent: 200, started: 50n }, { type: DELETE, pid: 302, parent: 200, started: 150n }, { type: DELETE, pid: 303, tid: 304, parent: 200, started: 150n },
    );
    assert.deepEqual([before!.executable, after!.executable, thread!.executable], ['/bin/sh', '/bin/later', '/bin/later']);
  });

  it('is that of the process for all its threads', () => {
    const machine = new Machine();
    machine.exec(200, 0, '/bin/sh', 10n);
    const [thread, next] = machine.who({ type: DELETE, pid: 200, tid: 201, started: 10n }, { type: DELETE, pid: 200, tid: 200, started: 99n });
    assert.deepEqual([thread!.executable, thread!.ancestryIn], ['/bin/sh', '0/0']);
    assert.deepEqual([next!.executable, next!.ancestry], [null, []]); // of the same id, and another process
  });

  it('names no person whom nobody knows, and the one of a login that came later', () => {
    const machine = new Machine();
    assert.equal(machine.exec(1, 0, '/a', 1n).person, null);
    assert.equal(machine.exec(2, 0, '/a', 1n, { login: 4242 }).person, null);
    assert.deepEqual(machine.who({ type: DELETE, pid: 1, started: 1n, login: 1000 }).map(({ person }) => person), ['alice']);
  });

  it('has eight ancestors at most, and octets that are no UTF-8 escaped', () => {
    const machine = new Machine();
    for (let pid = 1; pid <= 12; pid += 1) machine.exec(pid, pid - 1, `/bin/${pid}`, BigInt(pid));
    const odd = machine.exec(13, 12, '', 13n, { second: Buffer.from('/b\xff\\', 'latin1') });
    assert.deepEqual([odd.executable, odd.escaped, pids(odd)], ['/b\\xff\\x5c', true, [12, 11, 10, 9, 8, 7, 6, 5]]);
    assert.equal(machine.exec(14, 13, '/bin/x', 14n).ancestry![0]!.escaped, true);
  });

  it('finds processes gone whose end no event told', () => {
    const { pid } = spawnSync('true');
    assert.equal(isGone(pid, null), true);
    assert.equal(isGone(process.pid, null), false);
    assert.equal(isGone(process.pid, 1), true); // another one of that id
    assert.equal(isGone(process.pid, readProcess(process.pid)!.startedNs + 1), false);
  });

  it('ends where ids that were given anew make a circle', () => {
    const table = new ProcessTable();
    const circle = [100, 200, 300].map((pid) => new Process(pid, null));
    circle.forEach((process, index) => {
      process.parentPid = circle[(index + 1) % circle.length]!.pid;
      table.add(process);
    });
    for (const process of circle) assert.equal(table.ancestors(process).length, circle.length - 1);
    const own = new Process(400, null);
    own.parentPid = 400;
    table.add(own);
    assert.deepEqual(table.ancestors(own), []);
  });

  it('forgets what ended first when there are too many', () => {
    const machine = new Machine();
    for (let first = 1; first <= 33_000; first += 1000) {
      machine.who(...Array.from({ length: 1000 }, (_, index) => [
        { type: EXEC, pid: first + index, parent: 0, started: 1n, second: Buffer.from('/a') }, { type: EXIT, pid: first + index, started: 1n, time: 2n },
      ]).flat());
    }
    assert.deepEqual(machine.exec(40_000, 33_000, '/b', 2n).ancestry!.map(({ executable }) => executable), ['/a']);
    assert.deepEqual(machine.exec(40_001, 1, '/b', 2n).ancestry!.map(({ executable }) => executable), [null]);
  });
});

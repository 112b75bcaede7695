// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { probeEvent, type EventFacts } from '../testing/probe-events.ts';
import { systemCall } from './calls.table.ts';
import { EventLines } from './event-line.ts';
import { parseEvents } from './frames.ts';

const CHMOD = { type: 4, call: 90 };

function linesOf(...facts: readonly EventFacts[]): string[] {
  const lines = new EventLines();
  for (const event of parseEvents(Buffer.concat(facts.map(probeEvent)))) lines.add(event);
  const { data, lengths } = lines.take();
  let at = 0;
  return Array.from(lengths, (length) => data.toString('utf8', at, at += length));
}
const parsed = (facts: EventFacts): Record<string, unknown> => JSON.parse(linesOf(facts)[0]!) as Record<string, unknown>;

describe('line of an event', () => {
  it('has its members in their order', () => {
    assert.deepEqual(linesOf({ ...CHMOD, time: 1234567890123n, result: -2n, argument: 0o644n, first: Buffer.from('/etc/x') }), [
      '{"type":"mode","time":1234567890123,"cpu":0,"sequence":0,"pid":4321,"tid":4321,"parent":0,"started":0,"name":"name","uid":0,"gid":0,"euid":0,"egid":0,' +
      '"login":null,"session":null,"cgroup":0,"cgroupV1":0,"mountSpace":0,"pidSpace":0,"netSpace":0,"userSpace":0,"call":"chmod","result":-2,"mode":0,"path":"/etc/x"}',
    ]);
  });

  it('has octets that are no UTF-8 escaped without doubt', () => {
    const { command, executable, escaped, login, name } = parsed({ first: Buffer.from('a\0\xff\\\0', 'latin1'), second: Buffer.from('/bin/ä') });
    assert.deepEqual({ command, executable, escaped, login, name }, { command: ['a', '\\xff\\x5c'], executable: '/bin/ä', escaped: ['command'], login: null, name: 'name' });
  });

  it('gives texts back octet by octet, whatever needs an escape', () => {
    for (const text of ['', 'plain', '"quoted"', 'back\\slash', 'tab\tend\n\x01', 'DEL\x7f', 'äöü € 😀', 'x'.repeat(8000)]) {
      assert.equal(parsed({ ...CHMOD, first: Buffer.from(text) })['path'] ?? '', text);
    }
  });

  it('has all digits of a number', () => {
    for (const time of [0n, 9n, 10n, 999_999_999n, 1_000_000_000n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n]) {
      assert.match(linesOf({ time })[0]!, new RegExp(`^\\{"type":"exec","time":${time},"cpu":0,`));
    }
    for (const result of [-1n, -(2n ** 32n), -(2n ** 53n), -(2n ** 63n), 2n ** 63n - 1n]) assert.match(linesOf({ ...CHMOD, result })[0]!, new RegExp(`"result":${result},`));
  });

  it('tells of a thread what it is now, not what it was', () => {
    const [first, second, third] = linesOf({ uid: 0 }, { uid: 1000 }, { uid: 1000, sequence: 1 }).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual([first!['uid'], second!['uid'], third!['uid'], third!['sequence']], [0, 1000, 1000, 1]);
  });

  it('has the names of calls by the numbers of this processor, and arguments like those of the others', () => {
    assert.deepEqual(systemCall(53, 'arm64'), systemCall(268, 'x64'));
    assert.equal(systemCall(281, 'arm64')!.name, 'execveat');
    assert.deepEqual([systemCall(91, 'arm64')!.name, systemCall(38, 'arm64')!.name, systemCall(9999, 'arm64'), systemCall(53, 'other')], ['capset', 'renameat', null, null]);
  });

  it('says of what was executed from memory alone that it is not hashed', () => {
    assert.deepEqual([parsed({ flags: 16 })['unhashed'], parsed({ flags: 15 })['unhashed']], ['memfd', undefined]);
  });

  it('has as much room as the longest texts take', () => {
    const worst = { first: Buffer.alloc(8191, 1), second: Buffer.alloc(2047, 0x22) };
    for (const line of linesOf(...Array.from({ length: 40 }, () => worst))) assert.equal((JSON.parse(line) as { executable: string }).executable.length, 2047);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClockSetMessage } from '@strongroom/service';
import { probeEvent } from '../testing/probe-events.ts';
import { clockCalls, clockSetter } from './clock-calls.ts';
import { EventLines } from './event-line.ts';
import { EVENT_TYPES, parseEvents } from './frames.ts';

const EVENT = {
  type: 'time', time: 5_000_000_000, pid: 4711, name: 'date', login: 1000, call: 'clock_settime', result: 0, clock: 0,
  who: { person: 'alice', unit: 'ssh.service', container: { runtime: 'docker', id: 'ab12' }, cgroup: '/', executable: '/usr/bin/date' },
};
const line = (more: object = {}): Buffer => Buffer.from(JSON.stringify({ ...EVENT, ...more }));

test('a call that set the clock says who did it', () => {
  assert.deepEqual(clockSetter(line()), { atNs: 5e9, call: 'clock_settime', pid: 4711, name: 'date', login: 1000, person: 'alice', executable: '/usr/bin/date', unit: 'ssh.service', container: 'ab12' });
  const { who: _, clock: __, ...alone } = EVENT;
  assert.deepEqual(clockSetter(Buffer.from(JSON.stringify({ ...alone, call: 'adjtimex', result: 5 })))?.person, null);
});

test('it is read from the line that is sealed, whatever came before it', () => {
  const lines = new EventLines();
  const time = { type: EVENT_TYPES.indexOf('time'), call: 164, time: 77n };
  for (const event of parseEvents(Buffer.concat([{ first: Buffer.from('a\0') }, time, { ...time, result: -1n }].map(probeEvent)))) {
    lines.add(event);
    if (event.type !== 'time') continue;
    const by = clockSetter(lines.last);
    assert.deepEqual(by === null ? null : [by.call, by.atNs, by.pid, by.name, by.login], event.view.getBigInt64(event.at + 128, true) < 0n ? null : ['settimeofday', 77, 4321, 'name', null]);
  }
});

test('a call that failed, of another clock, or of another kind did not', () => {
  for (const more of [{ result: -1 }, { clock: 1 }, { call: 'stime' }, { call: 999 }]) assert.equal(clockSetter(line(more)), null);
});

test('who calls without end is told of twenty times in a second; where nobody watches the clock, nobody is told', () => {
  const sent: ClockSetMessage[] = [];
  const context = (enabled: boolean) => ({ config: { clock: { enabled } }, send: (message: ClockSetMessage) => { sent.push(message); } });
  const tell = clockCalls(context(true))!;
  for (let i = 0; i < 100; i += 1) tell(line());
  tell(line({ result: -1 }));
  for (let i = 0; i < 3; i += 1) tell(line({ time: 6e9 }));
  assert.equal(sent.length, 23);
  assert.equal(clockCalls(context(false)), null);
});

test('whoever asks for the clock without end hides nobody who sets it', () => {
  const sent: string[] = [];
  const tell = clockCalls({ config: { clock: { enabled: true } }, send: ({ by }: ClockSetMessage) => void sent.push(by.call) })!;
  for (let i = 0; i < 100; i += 1) tell(line({ call: 'adjtimex', result: 5 }));
  tell(line());
  assert.deepEqual([sent.length, sent.at(-1)], [21, 'clock_settime']);
});

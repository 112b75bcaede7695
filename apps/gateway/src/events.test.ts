// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peerText, plainName } from './address.ts';
import { EventLimiter } from './events.ts';
import { failedHandshake } from './handshake.ts';

function limited(): { events: EventLimiter; told: [string, unknown][]; at(ms: number): void } {
  const told: [string, unknown][] = [];
  let nowMs = 0;
  const events = new EventLimiter((event, fields) => { told.push([event, fields]); }, () => nowMs);
  return { events, told, at: (ms) => { nowMs = ms; } };
}

test('a burst of one kind is told up to the limit, the rest is counted and the count told', () => {
  const { events, told, at } = limited();
  for (let i = 0; i < 250; i += 1) events.say('gateway.no-certificate', { i });
  events.say('gateway.denied');
  assert.equal(told.length, 101);
  events.settle();
  assert.equal(told.length, 101);
  at(1000);
  events.settle();
  assert.deepEqual(told.at(-1), ['gateway.events-suppressed', { suppressed: 'gateway.no-certificate', count: 150 }]);
  events.say('gateway.no-certificate');
  assert.equal(told.length, 103);
});

test('at the end every count is told', () => {
  const { events, told } = limited();
  for (let i = 0; i < 101; i += 1) events.say('gateway.not-tls');
  events.settle(true);
  assert.deepEqual(told.at(-1), ['gateway.events-suppressed', { suppressed: 'gateway.not-tls', count: 1 }]);
});

test('peers that only go away are no event', () => {
  assert.equal(failedHandshake(Object.assign(new Error('reset'), { code: 'ECONNRESET' })), undefined);
  assert.equal(failedHandshake(Object.assign(new Error('?'), { code: 'ERR_SSL_SOMETHING_NEW' }))?.event, 'gateway.handshake-failed');
});

test('addresses as text, and as names of sources', () => {
  assert.equal(peerText('192.0.2.1', 514), '192.0.2.1:514');
  assert.equal(peerText('::ffff:192.0.2.1', 514), '192.0.2.1:514');
  assert.equal(peerText('2001:db8::1', 514), '[2001:db8::1]:514');
  assert.equal(peerText(undefined, undefined), '');
  assert.equal(plainName('::ffff:192.0.2.1'), 'plain-192.0.2.1');
  assert.equal(plainName('2001:db8::1'), 'plain-2001-db8-0-0-0-0-0-1');
  assert.equal(plainName('fe80::1%eth0'), 'plain-fe80-0-0-0-0-0-0-1');
  assert.equal(plainName('::'), 'plain-0-0-0-0-0-0-0-0');
  assert.equal(plainName('2001:db8:1:2:3:4:5:6'), 'plain-2001-db8-1-2-3-4-5-6');
});

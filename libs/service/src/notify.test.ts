// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notifier } from './notify.ts';

test('without NOTIFY_SOCKET nothing is said', () => {
  const { ready, alive, watchdogMs } = notifier({ WATCHDOG_USEC: '1000000' }, () => assert.fail('nobody listens'));
  ready('up');
  alive();
  assert.equal(watchdogMs, null);
});

test('readiness, status and watchdog are said in the words of sd_notify', () => {
  const said: string[][] = [];
  const notify = notifier({ NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '30000000' }, (words) => said.push([...words]));
  assert.equal(notify.watchdogMs, 15_000);
  notify.ready('two\nlines');
  notify.alive();
  notify.stopping();
  assert.deepEqual(said, [['READY=1', 'STATUS=two lines', `MAINPID=${process.pid}`], ['WATCHDOG=1'], ['STOPPING=1']]);
});

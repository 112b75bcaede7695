// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { notifier, type NotifyWays, type UnitStatus } from './notify.ts';

const ENVIRONMENT = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '30000000' };
const directory = mkdtempSync(join(tmpdir(), 'strongroom-notify-'));
after(() => rmSync(directory, { recursive: true }));

test('without NOTIFY_SOCKET nothing is said', () => {
  const { ready, alive, stopping, watchdogMs } = notifier({ WATCHDOG_USEC: '1000000' }, { tell: () => assert.fail('nobody listens'), say: () => assert.fail('nobody listens') });
  ready('up');
  alive();
  stopping();
  assert.equal(watchdogMs, null);
});

test('an older word never comes after a newer one, and however much is told while systemd takes nothing, one waits', async () => {
  const told: UnitStatus[] = [];
  let go = Promise.withResolvers<void>();
  const ways: NotifyWays = { tell: (standing) => { told.push(standing); return go.promise; }, say: async () => undefined };
  const notify = notifier(ENVIRONMENT, ways);
  notify.status('before');
  notify.ready('two\nlines');
  for (let index = 0; index < 1000; index += 1) notify.status(`stalled ${index}`);
  assert.deepEqual(told, [{ status: 'before' }]);
  const before = go;
  go = Promise.withResolvers();
  before.reject(new Error('systemd-notify is not there'));
  await new Promise(setImmediate);
  assert.deepEqual(told.slice(1), [{ ready: true, status: 'stalled 999' }], 'what waited is still told to be ready');
  go.resolve();
  assert.equal(notify.watchdogMs, 15_000);
});

test('the package and the binary say it in the words of sd_notify, and the package is loaded by nobody else', async () => {
  // Stands where systemd's binary is found, and writes down how it was called.
  writeFileSync(join(directory, 'systemd-notify'), '#!/bin/sh\necho "$@" >> "$TOLD"\n', { mode: 0o755 });
  const program = `
    import { notifier } from ${JSON.stringify(join(import.meta.dirname, 'notify.ts'))};
    import { createRequire } from 'node:module';
    const require = createRequire(${JSON.stringify(import.meta.filename)});
    const loaded = () => require.resolve('systemd-notify') in require.cache;
    const notify = notifier();
    notify.alive();
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (loaded()) throw new Error('loaded before it is used');
    notify.ready('running');
    notify.stopping();
  `;
  const told = join(directory, 'told');
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { env: { ...ENVIRONMENT, TOLD: told, PATH: `${directory}:/usr/bin:/bin` }, stdio: 'inherit' });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.deepEqual(readFileSync(told, 'utf8').trim().split('\n').toSorted(), [`--ready --pid=${child.pid} --status=running`, 'STOPPING=1', 'WATCHDOG=1']);
});

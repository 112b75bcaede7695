// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { layout, type Layout } from '@strongroom/service';
import { livingSupervisor, lockHome } from './lock.ts';

let paths: Layout;
beforeEach(() => {
  paths = layout(mkdtempSync(join(tmpdir(), 'strongroom-lock-')));
  mkdirSync(paths.run);
});
afterEach(() => rmSync(paths.home, { recursive: true }));

test('the home is locked with our process id', async () => {
  const { fd } = await lockHome(paths, () => assert.fail('nobody is there'));
  assert.equal(readFileSync(paths.pidFile, 'utf8'), `${process.pid}\n`);
  closeSync(fd);
});

test('a living supervisor is refused at once, by name', async () => {
  const held = await lockHome(paths, () => undefined);
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'apps/supervisor/src/main.ts'], { stdio: 'ignore' });
  writeFileSync(paths.pidFile, `${other.pid}\n`);
  await assert.rejects(lockHome(paths, () => undefined), { code: 'supervisor.already-running' });
  other.kill();
  await once(other, 'exit');
  assert.equal(livingSupervisor(paths.pidFile), null);
  closeSync(held.fd);
});

test('services that a killed supervisor left are waited for', async () => {
  const held = await lockHome(paths, () => undefined);
  const service = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', held.fd] });
  closeSync(held.fd);
  const told = Promise.withResolvers<void>();
  const next = lockHome(paths, told.resolve);
  await told.promise;
  service.kill();
  closeSync((await next).fd);
});

test('a pid file that names nobody, or somebody else, is not believed', () => {
  for (const text of ['', 'x', '0', '1', '999999999', String(process.pid)]) {
    writeFileSync(paths.pidFile, text);
    assert.equal(livingSupervisor(paths.pidFile), null, text);
  }
});

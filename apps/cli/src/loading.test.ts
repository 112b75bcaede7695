// SPDX-License-Identifier: Apache-2.0
// What a call that only asks a service costs is mostly what it loads.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const LOADED = 'loaded ';
const TELL = `import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) { process.stderr.write('${LOADED}' + url + '\\n'); return next(url, context); } });`;

/** Every module that a call loads, by its URL. */
function loadedBy(...args: readonly string[]): string[] {
  const { stderr } = spawnSync(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(TELL)}`, join(import.meta.dirname, 'main.ts'), ...args], {
    encoding: 'utf8', env: { ...process.env, STRONGROOM_HOME: join(import.meta.dirname, 'no-home') },
  });
  return stderr.split('\n').filter((line) => line.startsWith(LOADED)).map((line) => line.slice(LOADED.length));
}

test('who only asks a service loads nothing of evidence and of what services are made of', () => {
  for (const call of [['--version'], ['status'], ['search', 'a'], ['rack', '--help']]) {
    const all = loadedBy(...call);
    assert.ok(all.some((url) => url.endsWith('/apps/cli/src/run.ts')), `${call.join(' ')} loaded ${all.length} modules`);
    assert.deepEqual(all.filter((url) => /\/libs\/(evidence|wire|keys)\/|\/service\/src\/(index\.ts|submit\/|life\/runtime)/.test(url)), [], call.join(' '));
  }
});

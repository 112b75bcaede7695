// SPDX-License-Identifier: Apache-2.0
// A service for runtime.test.ts: what it does is said by STRONGROOM_TEST.
import { Failed, Refused } from '@strongroom/bytes';
import { runService } from './runtime.ts';

runService('capture', async (context) => {
  switch (process.env['STRONGROOM_TEST']) {
    case 'refuse': throw new Refused('test.refused', 'what', { why: 'why', fix: 'fix' });
    case 'fail': throw new Failed('test.failed', 'what');
    case 'crash': throw new TypeError('what');
    case 'uncaught': setImmediate(() => { throw new TypeError('what'); });
  }
  context.stats(() => ({ values: { sources: Object.keys(context.registry.sources).length } }));
  context.onRegistry(({ sources }) => context.event('test.registry', 'info', { names: Object.keys(sources).join() }));
  context.ready([{ protocol: 'test', address: context.paths.home }]);
  context.event('test.protect', 'warn', { ok: await context.protect('/x', 'append') });
  if (process.env['STRONGROOM_TEST'] === 'twice') {
    for (const question of ['first', 'second']) void context.protect('/twice', 'append').then((ok) => context.event('test.answered', 'info', { question, ok }));
  }
  await context.stopped;
});

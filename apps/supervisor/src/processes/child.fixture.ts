// SPDX-License-Identifier: Apache-2.0
// A service for child.test.ts: crashes, misbehaves or serves as STRONGROOM_TEST and its life's number say.
import { existsSync, writeFileSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { runService } from '@strongroom/service';

runService('capture', async (context) => {
  const { STRONGROOM_TEST: what, STRONGROOM_MARK: mark = '' } = process.env;
  const first = !existsSync(mark);
  writeFileSync(mark, '');
  if (what === 'refuse') throw new Refused('test.refused', 'what');
  if (what === 'crash-once' && first) process.kill(process.pid, 'SIGKILL');
  if (what === 'restart-once' && first) process.exit(75);
  if (what === 'babble') {
    for (const message of [{ kind: 'event', event: 'x', level: 'error' }, { kind: 'stats', values: null }, { kind: 'ready', listeners: [null] }, { kind: 'protect' }, {}]) process.send!(message);
    console.log(JSON.stringify({ time: '2026-01-01T00:00:00Z', service: 'supervisor', level: 'warn', event: 'supervisor.revoked', fields: { id: 'spiffe://d/source/a' } }));
    console.log('{"event":"x","level":"error","fields":null}');
  }
  console.log('said on standard output');
  if (what === 'standstill') {
    // It advances until the test wants it to stand still; its event loop turns on.
    const isStill = (): boolean => existsSync(`${mark}.still`);
    context.advancing(() => (isStill() ? 60_000 : 0));
    const watching = setInterval(() => {
      if (!isStill()) return;
      clearInterval(watching);
      context.state('running', 'it stands still');
    }, 100).unref();
  }
  context.ready([{ protocol: 'test', address: String(context.registry.sources['a']?.id) }]);
  if (what !== 'deaf') await context.stopped;
  else await new Promise(() => { setInterval(() => undefined, 1000); });
});

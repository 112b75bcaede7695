// SPDX-License-Identifier: Apache-2.0
// Programs that print what the real ones printed, so that it is known what they say.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { configOf } from '@strongroom/service/config';
import type { Config } from '@strongroom/service';
import { Looks } from './looks.ts';

const vector = (name: string): string => join(import.meta.dirname, '../vectors', name);

interface Wishes {
  readonly chrony?: string;
  readonly ptp?: string;
}

function looks(t: TestContext, { chrony, ptp }: Wishes): { looks: Looks; events: string[]; directory: string; replace: (name: string, prints: string | null) => void } {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-looks-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const program = (name: string): string => join(directory, name);
  const replace = (name: string, prints: string | null): void => writeFileSync(`${program(name)}.says`, prints === null ? '506 Cannot talk to daemon\n' : `${readFileSync(vector(prints), 'utf8')}${name === 'chronyc' ? '1,0,0,0,0\n' : ''}`);
  // chronyc stays, and has said all when it has answered the last.
  writeFileSync(program('chronyc'), `#!/bin/sh\nwhile read -r asked; do [ "$asked" != activity ] || cat '${program('chronyc')}.says'; done\n`, { mode: 0o755 });
  writeFileSync(program('pmc'), `#!/bin/sh\ncat '${program('pmc')}.says'\n`, { mode: 0o755 });
  if (chrony !== undefined) replace('chronyc', chrony);
  if (ptp !== undefined) replace('pmc', ptp);
  const { clock }: Config = configOf({ clock: { chrony: { enabled: chrony !== undefined, program: program('chronyc') }, ptp: { enabled: ptp !== undefined, program: program('pmc'), masterNanoseconds: 100 } } });
  const events: string[] = [];
  const stop = new AbortController();
  t.after(() => stop.abort());
  return { looks: new Looks(clock, directory, stop.signal, (event, fields) => { events.push(`${event} ${fields?.['name']}`); }), events, directory, replace };
}

test('chrony is the reference, and its sources are told', async (t) => {
  const observation = await looks(t, { chrony: 'chrony-4.3-falseticker.csv' }).looks.take();
  assert.deepEqual([observation.reference?.update, observation.why, observation.sources.length, observation.checks], ['7F000004 1795797904.905297711', null, 5, []]);
  // What was said is as old as the question: the dispersion has grown a little since.
  assert.ok(observation.reference!.rootDispersionNs > 2586);
});

test('where PTP is asked it is the reference, and chrony a second opinion', async (t) => {
  const { reference, checks, sources } = await looks(t, { chrony: 'chrony-4.3-falseticker.csv', ptp: 'pmc-3.1.1-slave.txt' }).looks.take();
  assert.equal(reference?.offsetNs, 17_243);
  assert.deepEqual([checks.map(({ name, offsetNs }) => [name, offsetNs]), sources.length], [[['chrony', -3661]], 5]);
  assert.ok(checks[0]!.errorNs > 7019 && checks[0]!.errorNs < 100_000, String(checks[0]!.errorNs));
});

test('who does not answer is told of once, and so is that it does again', async (t) => {
  const { looks: look, events, replace } = looks(t, { chrony: 'chrony-4.3-falseticker.csv' });
  await look.take();
  replace('chronyc', null);
  for (let i = 0; i < 3; i += 1) {
    const { reference, why } = await look.take();
    assert.equal(reference, null);
    assert.match(why!, /chronyd does not answer/);
  }
  replace('chronyc', 'chrony-4.3-unsynchronised.csv');
  const { reference, why } = await look.take();
  assert.deepEqual([reference, why, events], [null, "chrony knows no time but this clock's own", ['clock.reference-away chrony', 'clock.reference-back chrony']]);
});

test('what is not installed is not started in vain at each look', async (t) => {
  const { looks: look, events, directory } = looks(t, { chrony: 'chrony-4.3-falseticker.csv' });
  renameSync(join(directory, 'chronyc'), join(directory, 'elsewhere'));
  assert.match((await look.take()).why!, /not installed/);
  renameSync(join(directory, 'elsewhere'), join(directory, 'chronyc'));
  assert.match((await look.take()).why!, /not installed/);
  assert.deepEqual(events, ['clock.reference-away chrony']);
  const later = performance.now() + 31_000;
  t.mock.method(performance, 'now', () => later);
  assert.notEqual((await look.take()).reference, null);
});

test('where nobody is asked, that is why', async (t) => {
  assert.match((await looks(t, {}).looks.take()).why!, /nobody is asked/);
});

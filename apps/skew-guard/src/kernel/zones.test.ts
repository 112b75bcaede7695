// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Fields } from '@strongroom/service';
import { Zones } from './zones.ts';

const DATA = 'usr/share/zoneinfo';

function begin(t: TestContext): { root: string; said: Fields[]; minute: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'strongroom-zones-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'etc'));
  mkdirSync(join(root, DATA, 'Europe'), { recursive: true });
  for (const [file, text] of [['Europe/Berlin', 'CET'], ['UTC', 'UTC'], ['tzdata.zi', '# version 2026a'], ['leap-seconds.list', '#@ 3991680000']] as const) writeFileSync(join(root, DATA, file), text);
  symlinkSync(join(root, DATA, 'UTC'), join(root, 'etc/localtime'));
  const said: Fields[] = [];
  const zones = new Zones((event, fields = {}) => { said.push({ event, ...fields }); }, root);
  return { root, said, minute: () => { for (let second = 0; second < 60; second += 1) zones.look(); } };
}

test('rules of time zones, the list of leap seconds and the zone of this machine are told of when they change, and only then', (t) => {
  const { root, said, minute } = begin(t);
  minute();
  minute();
  assert.deepEqual(said, []);
  writeFileSync(join(root, DATA, 'tzdata.zi'), '# version 2026b');
  minute();
  writeFileSync(join(root, DATA, 'leap-seconds.list'), '#@ 4007577600');
  minute();
  rmSync(join(root, 'etc/localtime'));
  symlinkSync(join(root, DATA, 'Europe/Berlin'), join(root, 'etc/localtime'));
  minute();
  minute();
  assert.deepEqual(said.map(({ event, zone }) => [event, zone]), [['clock.zones-changed', 'UTC'], ['clock.zones-changed', 'UTC'], ['clock.zones-changed', 'Europe/Berlin']]);
  assert.ok(said.every(({ before, after }) => before !== after));
});

test('a machine without any of it is no trouble, and that they were taken away is told', (t) => {
  const { root, said, minute } = begin(t);
  minute();
  rmSync(join(root, 'usr'), { recursive: true });
  rmSync(join(root, 'etc'), { recursive: true });
  minute();
  minute();
  assert.deepEqual(said.map(({ zone, after }) => [zone, after]), [[null, '- - -']]);
});

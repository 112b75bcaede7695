// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { layout } from '@strongroom/service';
import { configOf } from '@strongroom/service/config';
import { accounts } from '../place/accounts.ts';
import { needsRack } from '../processes/plans.ts';
import { giveRackSecrets } from './rack-secrets.ts';

function withHome(act: (home: string) => void): void {
  const home = mkdtempSync(join(tmpdir(), 'strongroom-secrets-'));
  try {
    mkdirSync(join(home, 'secrets/rack-monitor'), { recursive: true });
    act(home);
  } finally {
    rmSync(home, { recursive: true });
  }
}

const isRefused = (error: { code?: string }): boolean => error.code === 'supervisor.rack-secret';

test('passwords of devices become readable for the service, and one that everybody can read ends the start', () => {
  withHome((home) => {
    const path = join(home, 'secrets/rack-monitor/pdu-a.auth');
    writeFileSync(path, 'first long password\n', { mode: 0o600 });
    writeFileSync(join(home, 'outside'), 'not ours\n', { mode: 0o644 });
    symlinkSync(join(home, 'outside'), join(home, 'secrets/rack-monitor/link'));
    const { rack } = configOf({ rack: { devices: { 'pdu-a': { address: '192.0.2.20', user: 'u', privPasswordFile: 'pdu-a.auth' } } } });
    const users = process.getuid?.() === 0 ? accounts('', '') : null;
    giveRackSecrets(layout(home), users, rack);
    if (users !== null) assert.deepEqual([statSync(path).gid, statSync(path).mode & 0o777], [users['rack-monitor'].gid, 0o640]);
    assert.equal(statSync(join(home, 'outside')).mode & 0o777, 0o644, 'a link is not followed');
    const another = configOf({ rack: { devices: { 'pdu-b': { address: '192.0.2.21', user: 'u' } } } }).rack;
    assert.throws(() => giveRackSecrets(layout(home), users, another), isRefused, 'a password that is not there');
    giveRackSecrets(layout(home), users, { ...another, enabled: false });
    chmodSync(path, 0o644);
    assert.throws(() => giveRackSecrets(layout(home), users, rack), isRefused);
  });
});

test('rack-monitor runs where there is a device, a listener for traps or a temperature', () => {
  withHome((home) => {
    const needs = (rack: object): boolean => needsRack(configOf({ rack: { heat: { root: home }, ...rack } }));
    assert.equal(needs({}), false);
    assert.equal(needs({ devices: { 'pdu-a': { address: '192.0.2.20', user: 'u' } } }), true);
    assert.equal(needs({ traps: { enabled: true } }), true);
    mkdirSync(join(home, 'sys/class/thermal/thermal_zone0'), { recursive: true });
    assert.equal(needs({}), true);
    assert.equal(needs({ heat: { root: home, enabled: false } }), false);
    assert.equal(needs({ enabled: false, traps: { enabled: true } }), false);
  });
});

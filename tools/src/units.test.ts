// SPDX-License-Identifier: Apache-2.0
// The units of appliance/units: systemd takes them, each is held as tight as the page says, and each starts its service with
// the flags that the supervisor would give it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { SERVICES } from '@strongroom/service';
import { ROOT } from './pages.ts';

const UNITS = join(ROOT, 'appliance/units');
const STOP = 'strongroom-stop.service';
const files = globSync('*.service', { cwd: UNITS }).filter((file) => file !== STOP).toSorted();
const textOf = (file: string): string => readFileSync(join(UNITS, file), 'utf8');
const skip = spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'there is no systemd-analyze';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-units-'));
after(() => rmSync(directory, { recursive: true }));

/** Exposure by `systemd-analyze security`, 0 to 10; docs/OPERATING.md has the same. A unit may get better, not worse. */
const EXPOSURE_MAX: Readonly<Record<string, number>> = {
  'strongroom-keys.service': 1.2, 'strongroom-vault.service': 1.0, 'strongroom-gateway@.service': 1.9, 'strongroom-capture.service': 1.2,
  [STOP]: 1.3, 'strongroom-witness.service': 1.9, 'strongroom-skew-guard.service': 1.9, 'strongroom-rack-monitor.service': 1.9, 'strongroom-supervisor.service': 7.4,
};

test('there is one unit for each service, with a user of its own that sysusers makes', () => {
  assert.deepEqual(files.map((file) => /^strongroom-([a-z-]+)@?\.service$/.exec(file)?.[1]).toSorted(), [...SERVICES].toSorted());
  const users = readFileSync(join(ROOT, 'appliance/sysusers.d/strongroom.conf'), 'utf8');
  for (const service of SERVICES.filter((name) => name !== 'supervisor')) {
    const text = textOf(files.find((file) => file.startsWith(`strongroom-${service}`) && /^strongroom-[a-z-]+@?\.service$/.test(file))!);
    assert.match(text, new RegExp(`^User=strongroom-${service}$`, 'm'));
    assert.match(users, new RegExp(`^u strongroom-${service} `, 'm'));
  }
});

test('each is ready when it says so, is watched, may open enough files, and dumps no core', () => {
  for (const file of files) {
    for (const line of ['Type=notify', 'NotifyAccess=all', 'LimitNOFILE=65536', 'LimitCORE=0', 'RestartPreventExitStatus=78', 'StartLimitIntervalSec=0']) assert.ok(textOf(file).split('\n').includes(line), `${file}: ${line}`);
    assert.match(textOf(file), /^WatchdogSec=\d+$/m, file);
  }
});

function score(service: string): number {
  return Number(/^OOMScoreAdjust=(-?\d+)$/m.exec(textOf(files.find((file) => file.startsWith(`strongroom-${service}`))!))?.[1]);
}

test('who holds evidence and keys is the last to go when memory is short', () => {
  for (const kept of ['vault', 'keys', 'supervisor']) {
    for (const given of ['gateway', 'capture', 'witness', 'skew-guard', 'rack-monitor']) assert.ok(score(kept) < score(given), `${kept} before ${given}`);
  }
});

test('whatever stops the supervisor stops first what hands the stop to it', () => {
  for (const file of files.filter((one) => !one.includes('supervisor'))) assert.match(textOf(file), new RegExp(`^Before=${STOP}$`, 'm'), file);
  assert.match(textOf(STOP), /^PartOf=strongroom\.target strongroom-supervisor\.service$/m);
  assert.match(readFileSync(join(UNITS, 'strongroom.target'), 'utf8'), new RegExp(`^Wants=.*${STOP}$`, 'm'));
});

test('what must have no network has none, and no service but the supervisor has a capability', () => {
  for (const service of ['vault', 'keys', 'capture']) assert.match(textOf(`strongroom-${service}.service`), /^PrivateNetwork=yes$/m);
  for (const file of files.filter((one) => !one.includes('supervisor'))) assert.match(textOf(file), /^CapabilityBoundingSet=$/m, file);
});

test('systemd-analyze verify takes every unit', { skip }, () => {
  // Whatever systemd says of one of ours is a fault; what else of this machine it looks at is not.
  const paths = [...files.filter((file) => !file.includes('@')), STOP, 'strongroom.target'].map((file) => join(UNITS, file));
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', ...paths, join(UNITS, 'strongroom-gateway@.service')], { encoding: 'utf8' });
  // The code need not be installed for that.
  const said = stderr.split('\n').filter((line) => /strongroom/.test(line) && !/node is not executable/.test(line));
  assert.deepEqual(said, []);
});

test('each unit is as tight as it was', { skip }, () => {
  for (const file of [...files, STOP]) {
    const copy = join(directory, basename(file).replace('@.', '@0.'));
    cpSync(join(UNITS, file), copy);
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', copy], { encoding: 'utf8' });
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    assert.ok(exposure <= EXPOSURE_MAX[file]!, `${file}: ${exposure}`);
  }
});

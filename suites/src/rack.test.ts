// SPDX-License-Identifier: Apache-2.0
// The whole appliance beside a PDU that speaks SNMPv3, and a tree of temperatures: from the device to what is sealed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { RpcClient } from '@strongroom/service';
import { eventually, PduProcess, SNMP_USER, snmpProgram, startAppliance, withoutPdu, type Appliance, type PduObject } from '@strongroom/testing';

const APC = '1.3.6.1.4.1.318.1.1.26';
const VOLTS = `${APC}.6.3.1.6.1`;
const OUTLET = `${APC}.9.2.3.1.5.1`;
const OBJECTS: readonly PduObject[] = [
  [`${APC}.4.3.1.5.1`, 'integer', 57], [`${APC}.6.3.1.4.1`, 'integer', 2], [`${APC}.6.3.1.5.1`, 'integer', 28], [VOLTS, 'integer', 228], [`${APC}.9.2.3.1.3.1`, 'string', 'web-07'], [OUTLET, 'integer', 2],
];

interface Told {
  readonly type: string;
  readonly [name: string]: unknown;
}

interface Rack {
  readonly devices: readonly { readonly name: string; readonly state: string; readonly code: string | null; readonly engine: { readonly id: string; readonly boots: number } | null; readonly lasting: readonly string[] }[];
  readonly traps: { readonly address: string; readonly believed: number; readonly refused: number };
}

async function sealed(appliance: Appliance, protocol: string, ...query: readonly string[]): Promise<Told[]> {
  const { stdout, stderr, code } = await appliance.cli('search', '--protocol', protocol, ...query, '-o', 'json');
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as { readonly raw: string }[]).map(({ raw }) => JSON.parse(raw) as Told);
}

/** What "strongroom rack -o json" prints, for less than a process each time. Null while nobody answers. */
async function rackOf(appliance: Appliance): Promise<Rack | null> {
  const client = await RpcClient.connect(appliance.paths.controlSocket);
  try {
    return (await client.call('rack', {})) as Rack;
  } catch {
    return null;
  } finally {
    client.close();
  }
}

async function trap(address: string, engine: string, boots: number): Promise<void> {
  const { file, env } = snmpProgram('snmptrap');
  const { user, authPassword, privPassword } = SNMP_USER;
  const signed = ['-v3', '-l', 'authPriv', '-u', user, '-a', 'SHA-256', '-A', authPassword, '-x', 'AES-256', '-X', privPassword, '-e', `0x${engine}`, '-Z', `${boots},100000`];
  for (const how of [signed, ['-v2c', '-c', 'public']]) await once(spawn(file, [...how, address, '', '1.3.6.1.4.1.318.0.276'], { env, stdio: 'ignore' }), 'exit');
}

/** A home with the passwords of one device, and a tree of one thermal zone. */
function prepared(): { readonly directory: string; readonly home: string; readonly sys: string; heat(milli: number): void } {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-rack-'));
  chmodSync(directory, 0o755);
  const [home, sys] = [join(directory, 'home'), join(directory, 'sys-root')];
  const zone = join(sys, 'sys/class/thermal/thermal_zone0');
  for (const one of [join(home, 'secrets/rack-monitor'), zone]) mkdirSync(one, { recursive: true, mode: 0o755 });
  for (const [name, secret] of [['pdu-a.auth', SNMP_USER.authPassword], ['pdu-a.priv', SNMP_USER.privPassword], ['short', 'x']] as const) writeFileSync(join(home, 'secrets/rack-monitor', name), `${secret}\n`, { mode: 0o600 });
  const heat = (milli: number): void => writeFileSync(join(zone, 'temp'), `${milli}\n`);
  for (const [name, text] of [['type', 'cpu'], ['trip_point_0_type', 'passive'], ['trip_point_0_temp', '85000']] as const) writeFileSync(join(zone, name), `${text}\n`);
  heat(45_000);
  return { directory, home, sys, heat };
}

describe('the rack', { skip: withoutPdu() }, () => {
  it('has what befalls power and heat sealed, and shows it', async () => {
    const { directory, home, sys, heat } = prepared();
    try {
      await using pdu = await PduProcess.start('1.3.6.1.4.1.318.1.3.4.6', APC, OBJECTS);
      await using appliance = await startAppliance({ home, config: { rack: {
        enabled: true, pollSeconds: 1, heat: { root: sys, seconds: 1 }, traps: { enabled: true, address: '127.0.0.1', port: 0 },
        devices: { 'pdu-a': { address: '127.0.0.1', port: pdu.port, user: SNMP_USER.user, feeds: ['outlet 1'] }, 'pdu-b': { address: '127.0.0.1', user: SNMP_USER.user, authPasswordFile: 'short', privPasswordFile: 'short' } },
      } } });
      const { devices: [device], traps } = (await eventually(() => rackOf(appliance), (rack) => rack?.devices[0]?.state === 'answering', 'the PDU to answer'))!;
      const shown = await eventually(() => appliance.cli('rack'), ({ stdout }) => stdout.includes('thermal_zone0'), 'a first look at the heat');
      assert.match(shown.stdout, /phase 1 +- +voltage +228 V/);
      assert.match(shown.stdout, /outlet 1 +web-07 +switch +- +on/);
      assert.match(shown.stdout, /thermal_zone0 +cpu +45\.0 °C +85 °C passive/);
      // What cannot be asked stops nothing else.
      assert.match(shown.stdout, /pdu-b is not asked: its secret cannot be used/);
      assert.equal(shown.code, 4);
      const probed = await appliance.cli('rack', 'probe', 'pdu-a');
      assert.match(probed.stdout, /sysObjectID +1\.3\.6\.1\.4\.1\.318\.1\.3\.4\.6\n +profile +apc-rpdu2/, probed.stderr);

      pdu.set(VOLTS, 3);
      pdu.set(OUTLET, 1);
      heat(90_000);
      await eventually(() => appliance.status(), ({ incidents }) => ['pdu-a', 'heat'].every((one) => incidents.some(({ subject }) => subject === one)), 'incidents of both');
      await eventually(() => appliance.status(), ({ notes }) => notes.some((note) => note.includes('interruption: phase 1')), 'a note');
      assert.equal((await appliance.cli('rack')).code, 4);
      pdu.set(VOLTS, 229);
      await eventually(() => rackOf(appliance), (rack) => rack?.devices[0]?.lasting.length === 0, 'the end of the interruption');
      await trap(traps.address, device!.engine!.id, device!.engine!.boots);
      await eventually(() => rackOf(appliance), (rack) => rack?.traps.believed === 1 && rack.traps.refused === 1, 'both traps');
      await pdu.agent.halt();
      await eventually(() => rackOf(appliance), (rack) => rack?.devices[0]?.state === 'away', 'the PDU to be away');
      assert.match((await appliance.cli('rack', 'probe', 'pdu-a')).stderr, /127\.0\.0\.1 does not answer \[snmp\.silent\]\n {2}why: .*\n {2}do: {2}/);
      await pdu.agent.boot();
      await appliance.tells('rack.device-rebooted');

      // What was said is sealed within two seconds.
      const events = await eventually(() => sealed(appliance, 'power'), (all) => all.some(({ state }) => state === 'rebooted'), 'its boot');
      const [interruption] = events.filter(({ type, what }) => type === 'interruption' && what === 'ended');
      assert.deepEqual([interruption!['device'], interruption!['nominal'], interruption!['extreme']], ['pdu-a', 230, 3]);
      assert.ok(events.some(({ type, place, from, to, feeds }) => type === 'switched' && place === '1' && from === 'on' && to === 'off' && feeds === 1));
      assert.ok(events.some(({ type, feeds }) => type === 'interruption' && feeds === undefined), 'what does not feed us is not marked');
      assert.ok((await sealed(appliance, 'heat')).some(({ type, zone, trip }) => type === 'tripped' && zone === 'thermal_zone0' && trip === 'passive'));

      const told = events.filter(({ type }) => type === 'trap');
      assert.deepEqual(told.map(({ authenticated }) => authenticated).toSorted(), [false, true]);
      assert.equal(told.find(({ authenticated }) => authenticated === true)?.['device'], 'pdu-a');
      const everything = JSON.stringify([events, await sealed(appliance, 'event')]);
      assert.ok(!everything.includes(SNMP_USER.authPassword) && !everything.includes(SNMP_USER.privPassword) && !appliance.output.includes(SNMP_USER.authPassword));
      assert.equal((await appliance.cli('verify')).code, 0);
    } finally {
      spawnSync('chattr', ['-R', '-f', '-i', '-a', directory], { stdio: 'ignore' });
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

// SPDX-License-Identifier: Apache-2.0
// What it costs to ask a rack's devices again and again: the whole appliance beside one snmpd on many ports, all by SNMPv3.
import { mkdirSync, mkdtempSync, rmSync, chmodSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { RpcClient } from '@strongroom/service';
import { PduFarm, SNMP_USER, startAppliance, withoutSnmpd, type Appliance } from '@strongroom/testing';
import { cpuSeconds, proportionalBytes } from '../processes.ts';

const POLL_SECONDS = 10;
/** For all devices to be recognised, and to be calm. */
const PATIENCE_MS = 600_000;
const WARM_MS = 30_000;

export interface RackResults {
  readonly devices: number;
  readonly pollSeconds: number;
  /** Of each device, asked for at each look. */
  readonly values: number;
  readonly seconds: number;
  readonly looks: number;
  readonly failed: number;
  readonly cpuSeconds: number;
  readonly vaultCpuSeconds: number;
  readonly agentCpuSeconds: number;
  readonly residentBytes: number | null;
  readonly recognisedSeconds: number;
  readonly recognisedCpuSeconds: number;
}

/** Throws `Failed('bench.rack')`. */
export async function measureRack(devices: number, seconds: number, say: (line: string) => void, onStarted: (one: { stop(): Promise<unknown> }) => void): Promise<RackResults> {
  const missing = withoutSnmpd();
  if (missing !== false) throw new Failed('bench.rack', 'there is no SNMP agent to ask', { why: missing, fix: 'make "apt-get download snmpd" work' });
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-bench-rack-'));
  chmodSync(directory, 0o755);
  try {
    await using farm = await PduFarm.start(devices);
    onStarted({ stop: () => farm[Symbol.asyncDispose]() });
    await using appliance = await startAppliance({ home: homeIn(directory), config: { rack: { enabled: true, pollSeconds: POLL_SECONDS, heat: { enabled: false }, devices: configured(farm.ports) } } });
    onStarted(appliance);
    return await measured(appliance, farm, seconds, say);
  } finally {
    spawnSync('chattr', ['-R', '-f', '-i', '-a', directory], { stdio: 'ignore' });
    rmSync(directory, { recursive: true, force: true });
  }
}

function homeIn(directory: string): string {
  const home = join(directory, 'home');
  mkdirSync(join(home, 'secrets/rack-monitor'), { recursive: true, mode: 0o755 });
  for (const [name, secret] of [['auth', SNMP_USER.authPassword], ['priv', SNMP_USER.privPassword]] as const) writeFileSync(join(home, 'secrets/rack-monitor', name), `${secret}\n`, { mode: 0o600 });
  return home;
}

function configured(ports: readonly number[]): Record<string, object> {
  return Object.fromEntries(ports.map((port, at) => [`pdu-${at + 1}`, { address: '127.0.0.1', port, user: SNMP_USER.user, authPasswordFile: 'auth', privPasswordFile: 'priv' }]));
}

interface Figures {
  readonly answering: number;
  readonly readings: number;
  readonly looks: number;
  readonly failed: number;
}

async function measured(appliance: Appliance, farm: PduFarm, seconds: number, say: (line: string) => void): Promise<RackResults> {
  const { services } = await appliance.status();
  const pidOf = (name: string): number => services.find((one) => one.name === name)!.pid!;
  const [monitor, vault] = [pidOf('rack-monitor'), pidOf('vault')];
  const beganAt = performance.now();
  say(`waiting for ${farm.ports.length} devices to be recognised`);
  while ((await figures(appliance)).answering < farm.ports.length) {
    if (performance.now() - beganAt > PATIENCE_MS) throw new Failed('bench.rack', 'not all devices were recognised', { why: `${(await figures(appliance)).answering} of ${farm.ports.length} after ${PATIENCE_MS / 1000} s`, fix: 'try fewer with --devices' });
    await delay(1000);
  }
  const [recognisedSeconds, recognisedCpuSeconds] = [(performance.now() - beganAt) / 1000, cpuSeconds([monitor])];
  await delay(WARM_MS);
  say(`measuring for ${seconds} s`);
  const before = { figures: await figures(appliance), at: performance.now(), cpu: [[monitor], [vault], farm.pids].map(cpuSeconds) };
  await delay(seconds * 1000);
  const after = { figures: await figures(appliance), at: performance.now(), cpu: [[monitor], [vault], farm.pids].map(cpuSeconds) };
  const used = (at: number): number => after.cpu[at]! - before.cpu[at]!;
  return {
    devices: farm.ports.length, pollSeconds: POLL_SECONDS, values: Math.round(after.figures.readings / farm.ports.length), seconds: (after.at - before.at) / 1000,
    looks: after.figures.looks - before.figures.looks, failed: after.figures.failed - before.figures.failed, cpuSeconds: used(0), vaultCpuSeconds: used(1), agentCpuSeconds: used(2),
    residentBytes: proportionalBytes([monitor]), recognisedSeconds, recognisedCpuSeconds,
  };
}

async function figures(appliance: Appliance): Promise<Figures> {
  const client = await RpcClient.connect(appliance.paths.controlSocket);
  try {
    const { counts } = (await client.call('rack', { device: '' })) as { readonly counts: Figures };
    return counts;
  } finally {
    client.close();
  }
}

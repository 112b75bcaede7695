// SPDX-License-Identifier: Apache-2.0
// One look at one device, for "strongroom rack probe", in a process of its own that ends:
//   node apps/rack-monitor/src/probe.ts '{"home":DIR,"host":HOST,…}'
// It prints {"probed":…} or {"error":…} on standard output. Secrets are named by their files.
import { isIP } from 'node:net';
import { Refused } from '@strongroom/bytes';
import { layout, rackFaults, toRpcError, type ProbedDevice, type RackDeviceConfig } from '@strongroom/service';
import { discover } from './profiles/discover.ts';
import { readingsOf } from './profiles/plan.ts';
import { securityWords, targetOf } from './settings.ts';
import { SnmpSession } from './snmp/session.ts';
import { isAuthenticated } from './snmp/target.ts';

interface Wish {
  readonly home: string;
  readonly configFile?: string;
  /** A device of the configuration by its name, or an address with what else is given. */
  readonly host: string;
  readonly device: Omit<RackDeviceConfig, 'address'>;
}

/** Rejects with `Failed` of a `SnmpCode`, `Refused('rack.secret')`, `Refused('rack.device')`. */
async function probe({ home, configFile, host, device }: Wish): Promise<ProbedDevice> {
  const paths = layout(home);
  const known = isIP(host) === 0 ? await configured(host, configFile) : { address: host, ...device };
  const [fault] = rackFaults({ devices: { probe: known } } as unknown as Parameters<typeof rackFaults>[0]);
  if (fault !== undefined) throw new Refused('rack.device', fault.what, { why: fault.why, fix: isIP(host) === 0 ? fault.fix : 'for example: strongroom rack probe 192.0.2.20 --user strongroom --auth-password-file pdu.auth --priv-password-file pdu.priv' });
  const target = targetOf(host, known, paths.rackSecret);
  const session = new SnmpSession(target);
  const beganAt = performance.now();
  try {
    const { system, name, description, profiles, plan, found } = await discover(session);
    return {
      address: target.address, port: target.port, security: securityWords(target.security), authenticated: isAuthenticated(target), engine: session.engine, system, name, description,
      profiles: profiles.map(({ name: one, title, source, left }) => ({ name: one, title, source, left })), readings: readingsOf(plan, found), tookMs: Math.round(performance.now() - beganAt),
    };
  } finally {
    session.close();
  }
}

async function configured(name: string, configFile: string | undefined): Promise<RackDeviceConfig> {
  const { loadConfig } = await import('@strongroom/service/config');
  const { devices } = loadConfig(configFile).rack;
  const device = Object.hasOwn(devices, name) ? devices[name] : undefined;
  if (device !== undefined) return device;
  const names = Object.keys(devices);
  throw new Refused('rack.device', `there is no device "${name.slice(0, 100)}"`, { why: names.length === 0 ? 'none is configured' : `configured are ${names.slice(0, 20).join(', ')}`, fix: 'name one of them, or an address with --user and its files' });
}

try {
  process.stdout.write(JSON.stringify({ probed: await probe(JSON.parse(process.argv[2] ?? '{}') as Wish) }));
} catch (error) {
  process.stdout.write(JSON.stringify({ error: toRpcError(error) }));
}

// SPDX-License-Identifier: Apache-2.0
// What the configuration of power and heat must keep to beyond its schema, and whether there is any heat to read.
import { readdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Config } from './config-schema.ts';

type RackConfig = Config['rack'];
export type RackDeviceConfig = RackConfig['devices'][string];

export interface RackFault {
  readonly key: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export const SNMP_AUTH_PROTOCOLS = ['sha256', 'sha224', 'sha384', 'sha512', 'sha'] as const;
export const SNMP_PRIV_PROTOCOLS = ['aes256b', 'aes256r', 'aes'] as const;
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$/;
/** What is known and refused, and why. */
const WEAK: Readonly<Record<string, string>> = {
  md5: 'HMAC-MD5 is broken as far as a password can be', none: 'it would leave out authentication or privacy', des: 'DES has 56 bits and was withdrawn in 2005', '3des': 'it was withdrawn in 2023',
};

/** What no schema can say of devices. */
export function rackFaults({ devices }: RackConfig): RackFault[] {
  return Object.entries(devices).flatMap(([name, device]) => deviceFaults(`rack.devices.${name}`, name, device));
}

function deviceFaults(key: string, name: string, device: RackDeviceConfig): RackFault[] {
  const faults: RackFault[] = [];
  const { address = '', version = 'v3', user, authProtocol = 'sha256', privProtocol = 'aes256b', communityFile } = device;
  if (!NAME.test(name)) faults.push({ key, what: `"${name}" cannot be the name of a device`, why: 'a name has 1 to 64 lower-case letters, digits, dots or hyphens', fix: 'choose another, such as pdu-a' });
  if (isIP(address) === 0) faults.push({ key: `${key}.address`, what: `"${address}" is no address`, why: 'who answers for a name is decided by DNS, so devices are named by address', fix: 'write its IPv4 or IPv6 address' });
  if (version === 'v2c') {
    const [more] = (['user', 'authProtocol', 'authPasswordFile', 'privProtocol', 'privPasswordFile'] as const).filter((one) => device[one] !== undefined);
    if (more !== undefined) faults.push({ key: `${key}.${more}`, what: `"${more}" means nothing with v2c`, why: 'v2c has no users and no keys, only a community that everybody can read on the way', fix: 'leave it out, or leave out version: v2c' });
    if (communityFile === undefined) faults.push({ key, what: 'a device of v2c has no community', why: 'communityFile is not given', fix: 'for example: communityFile: pdu-a.community' });
    return faults;
  }
  if (version !== 'v3') return [...faults, { key: `${key}.version`, what: `"${version}" is no version of SNMP that is spoken here`, why: 'v3 is authenticated and encrypted; v2c is neither, and must be named', fix: 'leave it out, or write v2c where a device has nothing better' }];
  if (user === undefined) faults.push({ key, what: 'a device has no SNMPv3 user', why: 'questions and answers are signed by a user\'s keys', fix: 'for example: user: strongroom' });
  if (communityFile !== undefined) faults.push({ key: `${key}.communityFile`, what: 'a community is of v2c alone', why: 'v2c is not authenticated, so it must be named', fix: 'leave it out, or add version: v2c' });
  return [...faults, ...protocolFaults(`${key}.authProtocol`, authProtocol, SNMP_AUTH_PROTOCOLS), ...protocolFaults(`${key}.privProtocol`, privProtocol, SNMP_PRIV_PROTOCOLS)];
}

function protocolFaults(key: string, given: string, known: readonly string[]): RackFault[] {
  if (known.includes(given)) return [];
  return [{ key, what: `"${given}" is not used`, why: WEAK[given] ?? `known are ${known.join(', ')}`, fix: `set up ${known[0]} on the device, and leave this out` }];
}

/** The files that hold a device's secrets: paths, or names in secrets/rack-monitor. */
export function rackSecretFiles(name: string, device: RackDeviceConfig): { readonly community: string } | { readonly auth: string; readonly priv: string } {
  if (device.version === 'v2c') return { community: device.communityFile ?? `${name}.community` };
  return { auth: device.authPasswordFile ?? `${name}.auth`, priv: device.privPasswordFile ?? `${name}.priv` };
}

/** Whether Linux tells any temperature below `root`. */
export function hasHeat(root: string): boolean {
  return ['sys/class/thermal', 'sys/class/hwmon'].some((directory) => {
    try {
      return readdirSync(join(root, directory)).some((name) => /^(thermal_zone|hwmon)\d+$/.test(name));
    } catch {
      return false;
    }
  });
}

// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { facts, flag, type KeyFacts, section, text, whole } from '../section.ts';

const RACK_DEVICES_MAX = 1000;
const optional = (key: KeyFacts) => Type.Optional(Type.String({ minLength: 1, maxLength: 300, ...facts(key) }));

export const rack = section('Power and heat of the rack that this appliance stands in.', {
  enabled: flag(true, { description: 'Whether power and heat are watched, where there is a device, a trap listener or a temperature to read.', example: true }),
  devices: Type.Record(Type.String(), Type.Object({
    address: optional({ description: 'Its address, IPv4 or IPv6; no name. It must be given.', example: '192.0.2.20' }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, ...facts({ description: 'Its port for SNMP; 161 if left out.', example: 161 }) })),
    version: optional({ description: 'v3, which is the default, or v2c: then nobody is authenticated, and all that it says is marked so.', example: 'v3' }),
    user: optional({ description: 'SNMPv3 user.', example: 'strongroom' }),
    authProtocol: optional({ description: 'sha256, which is the default, sha224, sha384, sha512, or, where a device has nothing better, sha (SHA-1).', example: 'sha256' }),
    authPasswordFile: optional({ description: 'File with the password of authentication, a path or a name in secrets/rack-monitor; <name>.auth if left out.', example: 'pdu-a.auth' }),
    privProtocol: optional({ description: 'aes256b, which is the default (AES-256 by the Blumenthal draft), aes256r (as Cisco does it), or, where a device has nothing better, aes (AES-128).', example: 'aes256b' }),
    privPasswordFile: optional({ description: 'File with the password of privacy; <name>.priv if left out.', example: 'pdu-a.priv' }),
    communityFile: optional({ description: 'With v2c: file with the community.', example: 'pdu-a.community' }),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 30_000, ...facts({ description: 'How long an answer may take; 2000 if left out.', unit: 'ms', example: 2000 }) })),
    nominalVolts: Type.Optional(Type.Number({ minimum: 10, maximum: 1000, ...facts({ description: 'Nominal voltage; if left out, the usual one that is nearest to what is read.', unit: 'V', example: 230 }) })),
    feeds: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z]+ \\S+$' }), { maxItems: 64, ...facts({ description: 'What of it feeds this appliance, as "strongroom rack" names it: then a power loss is known as one. Each is enough to lose what this device gives.', example: ['outlet 4'] }) })),
  }, { additionalProperties: false }), {
    default: {}, maxProperties: RACK_DEVICES_MAX, ...facts({
      description: 'PDUs, UPSs and sensors by name, asked by SNMP.', example: { 'pdu-a': { address: '192.0.2.20', user: 'strongroom' } },
    }),
  }),
  pollSeconds: whole(10, 1, 60, { description: 'A calm device is asked so often; one where something happens each second.', unit: 's', example: 10 }),
  traps: section('Traps and informs of devices.', {
    enabled: flag(false, { description: 'Whether traps are listened for.', example: true }),
    address: text({ default: '::', description: 'Address to listen on; :: means every address, IPv4 and IPv6.', example: '192.0.2.10' }),
    port: whole(162, 0, 65535, { description: 'Port to listen on; 0 takes any free one.', example: 162 }),
  }),
  heat: section('Temperatures of this machine.', {
    enabled: flag(true, { description: 'Whether thermal zones, sensors and throttling are read.', example: true }),
    root: text({ default: '/', pattern: '^/', description: 'Directory that holds sys/class/thermal and sys/class/hwmon.', example: '/' }),
    seconds: whole(5, 1, 60, { description: 'How often they are read.', unit: 's', example: 5 }),
    probeCelsius: whole(32, 1, 100, { description: 'What a temperature probe of a device may show (ASHRAE allows 32 °C at the inlet); a rise towards it is warned of.', unit: '°C', example: 27 }),
  }),
});

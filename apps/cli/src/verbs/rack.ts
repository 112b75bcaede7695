// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import type { RackAnswer } from '@strongroom/service/client';
import { openControl } from '../connections.ts';
import { writeValue } from '../output.ts';
import { probeDevice } from '../rack/probe.ts';
import { probedLines, rackLines } from '../rack/screen.ts';
import { EXIT, verb, type Call } from '../verb.ts';

const options = {
  port: { kind: 'count', value: 'PORT', minimum: 1, maximum: 65_535, default: 161, description: 'With probe: its port for SNMP' },
  user: { kind: 'text', value: 'NAME', description: 'With probe: SNMPv3 user' },
  'auth-protocol': { kind: 'text', value: 'NAME', description: 'With probe: protocol of authentication', default: 'sha256', choices: ['sha256', 'sha224', 'sha384', 'sha512', 'sha'] },
  'auth-password-file': { kind: 'text', value: 'FILE', description: 'With probe: file with the password of authentication, which only you can read' },
  'priv-protocol': { kind: 'text', value: 'NAME', description: 'With probe: protocol of privacy; of AES-256 there are two kinds', default: 'aes256b', choices: ['aes256b', 'aes256r', 'aes'] },
  'priv-password-file': { kind: 'text', value: 'FILE', description: 'With probe: file with the password of privacy' },
  'community-file': { kind: 'text', value: 'FILE', description: 'With probe: ask by v2c, where nobody is authenticated; file with the community' },
  timeout: { kind: 'count', value: 'MS', unit: 'ms', minimum: 100, maximum: 30_000, default: 2000, description: 'With probe: how long an answer may take' },
} as const;

const ARGUMENTS = [
  { name: 'action', description: 'What to do instead of showing all: probe tests one device, show tells all of one', required: false, choices: ['probe', 'show'] },
  { name: 'host', description: 'An address, or the name of a configured device', required: false },
] as const;

export type RackCall = Call<typeof options, typeof ARGUMENTS>;

export const rack = verb({
  details: [
    'Shows the devices that are asked by SNMP with what they say, this machine\'s temperatures, and what is out of the ordinary.',
    '"rack probe HOST" asks one device and prints what was understood: its profile, its sysObjectID, how it was authenticated, and each value with its unit. HOST is a configured device, or an '
      + 'address with --user and the files of its passwords; Strongroom need not run for it. It changes nothing, on the device neither.',
  ],
  arguments: ARGUMENTS,
  options,
  examples: [
    { command: 'strongroom rack', what: 'Devices, phases, outlets, heat' },
    { command: 'strongroom rack probe 192.0.2.20 --user strongroom --auth-password-file pdu-a.auth --priv-password-file pdu-a.priv', what: 'Before a device is configured' },
    { command: 'strongroom rack probe pdu-a', what: 'A configured one' },
    { command: "strongroom rack -o json | jq '.devices[] | select(.state != \"answering\")'", what: 'Those that do not answer' },
  ],
  exitCodes: { 4: 'a device does not answer, or power or heat is out of the ordinary' },
  async run(call: RackCall) {
    const { action, host } = call.arguments;
    if (action !== undefined && host === undefined) throw new Refused('usage.argument', `strongroom rack ${action} needs a HOST`, { why: 'none is given', fix: 'see "strongroom help rack"' });
    if (action === 'probe') {
      const probed = await probeDevice(call, host!);
      await writeValue(call, probed, () => probedLines(probed));
      return EXIT.ok;
    }
    return show(call, host);
  },
});

async function show(call: RackCall, device: string | undefined): Promise<number> {
  const client = await openControl(call.paths);
  try {
    const answer = (await client.call('rack', device === undefined ? {} : { device })) as RackAnswer;
    if (device !== undefined && answer.devices.length === 0) throw new Refused('rack.device', `there is no device "${device.slice(0, 100)}"`, { why: 'the configuration that runs has none of that name', fix: '"strongroom rack" lists them' });
    await writeValue(call, answer, () => rackLines(answer, call.io.now(), call.io.out.style));
    const isWell = answer.devices.every(({ state, lasting }) => state !== 'away' && lasting.length === 0) && answer.heat.lasting.length === 0 && answer.unusable.length === 0;
    return isWell ? EXIT.ok : EXIT.degraded;
  } finally {
    client.close();
  }
}

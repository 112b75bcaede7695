// SPDX-License-Identifier: Apache-2.0
// The figures of asking devices as Markdown.
import { machineFacts } from '../machine.ts';
import { markdown } from '../report.ts';
import type { RackResults } from './measure.ts';

export function rackReport({ devices, pollSeconds, values, seconds, looks, failed, cpuSeconds, vaultCpuSeconds, agentCpuSeconds, residentBytes, recognisedSeconds, recognisedCpuSeconds }: RackResults): string {
  const share = (cpu: number): string => (100 * cpu / seconds).toFixed(2);
  return [
    ...machineFacts().map((line) => `- ${line}`),
    `- ${devices} devices, each asked every ${pollSeconds} s for ${values} values by SNMPv3 with SHA-256 and AES-256, for ${seconds.toFixed(0)} s`, '',
    ...markdown(['', '% of one core', 'CPU ms for a look'], [
      ['rack-monitor', share(cpuSeconds), (1000 * cpuSeconds / looks).toFixed(2)], ['the vault', share(vaultCpuSeconds), (1000 * vaultCpuSeconds / looks).toFixed(2)],
      ['snmpd, all devices', share(agentCpuSeconds), (1000 * agentCpuSeconds / looks).toFixed(2)],
    ]), '',
    `${looks} looks were answered (${(looks / seconds).toFixed(1)} a second), ${failed} were not. rack-monitor takes ${residentBytes === null ? 'an unknown amount' : `${Math.round(residentBytes / 1024 / 1024)} MiB`} of memory.`,
    `All devices were recognised ${recognisedSeconds.toFixed(0)} s after the start, for ${recognisedCpuSeconds.toFixed(1)} CPU-seconds, the start of the process included.`, '',
  ].join('\n');
}

// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem } from 'node:os';

/** What the figures depend on, a line each. */
export function machineFacts(): string[] {
  const model = /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? cpus()[0]?.model ?? 'unknown';
  const flags = /^(?:flags|Features)\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
  const hardware = ['sha_ni', 'vaes', 'aes', 'avx512f', 'sha2'].filter((flag) => flags.includes(flag));
  const fileSystem = execFileSync('df', ['--output=fstype', tmpdir()], { encoding: 'utf8' }).trim().split('\n').at(-1);
  return [
    `CPU ${model}, ${availableParallelism()} cores (${hardware.join(', ') || 'no cryptographic instructions'}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB memory`,
    `Linux ${release()}, Node ${process.version}, temporary files on ${fileSystem}`,
    `load average at the start ${loadavg().map((one) => one.toFixed(2)).join(' ')}: other work on the machine, if any, is in the figures`,
  ];
}

// SPDX-License-Identifier: Apache-2.0
// The same messages as text in a file, and compressed, looked through by what everybody has.
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeEvents } from '../events.ts';
import { run } from './command.ts';

const POOL_RECORDS = 131_072;
/** A search ends with 1 when it finds nothing. */
const NOTHING_FOUND = [1];

export interface PeerScan {
  readonly name: string;
  readonly gigabytesPerCpuSecond: number;
  readonly gigabytesPerSecond: number;
}

/** `grep` through about `bytes` of lines, plain and out of zstd, each the best of `rounds`. */
export async function scanAsPeers(bytes: number, needle: string, rounds: number): Promise<PeerScan[]> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-bench-lines-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove); // also when the bench is interrupted
  try {
    const [plain, packed] = [join(directory, 'lines'), join(directory, 'lines.zst')];
    await writeLines(plain, bytes);
    const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' };
    await run('zstd', ['-q', '-1', '--zstd=wlog=17', plain, '-o', packed], env);
    const { size } = statSync(plain);
    const commands = [
      ['grep -F, plain file', `grep -cF ${needle} ${plain}`], ['grep -iF, plain file', `grep -ciF ${needle} ${plain}`],
      ['zstdcat | grep -F', `zstdcat ${packed} | grep -cF ${needle}`], ['zstdcat | grep -iF', `zstdcat ${packed} | grep -ciF ${needle}`],
    ] as const;
    const scans: PeerScan[] = [];
    for (const [name, command] of commands) scans.push(await best(name, command, env, size, rounds));
    return scans;
  } finally {
    remove();
    process.off('exit', remove);
  }
}

async function best(name: string, command: string, env: NodeJS.ProcessEnv, size: number, rounds: number): Promise<PeerScan> {
  let [cpu, wall] = [Infinity, Infinity];
  for (let i = 0; i < rounds; i += 1) {
    const { cpuSeconds, seconds } = await run('sh', ['-c', command], env, NOTHING_FOUND);
    [cpu, wall] = [Math.min(cpu, cpuSeconds), Math.min(wall, seconds)];
  }
  return { name, gigabytesPerCpuSecond: size / 1e9 / cpu, gigabytesPerSecond: size / 1e9 / wall };
}

async function writeLines(path: string, bytes: number): Promise<void> {
  const block = Buffer.from(`${makeEvents(POOL_RECORDS).join('\n')}\n`, 'latin1');
  const file = createWriteStream(path);
  for (let left = bytes; left > 0; left -= block.length) if (!file.write(block)) await once(file, 'drain');
  file.end();
  await once(file, 'close');
}

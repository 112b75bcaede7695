// SPDX-License-Identifier: Apache-2.0
// What file integrity costs: the first scan of a tree, the content of new files, a change, and rest. A whole appliance watches.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { startAppliance, type Appliance } from '@strongroom/testing';
import { cpuSeconds, processTree } from '../processes.ts';

const [DIRECTORIES, FILES_IN_EACH] = [100, 40];
const [LARGE, LARGE_BYTES] = [4, 32 << 20];
const POLL_MS = 250;
/** Then what is asked for came long ago, or never will. */
const POLLS_MAX = 480;
const PARTS = ['reader', 'capture', 'vault', 'others'] as const;
type Used = Readonly<Record<(typeof PARTS)[number], number>>;

export interface IntegrityLeg {
  readonly title: string;
  /** What the figures are for each of. */
  readonly unit: string;
  readonly count: number;
  /** From its beginning to when all of it was sealed. */
  readonly elapsed: number;
  /** Processor seconds. */
  readonly used: Used;
}

/** Throws `Failed('bench.kernel')` where nobody watches files. */
export async function measureIntegrity(seconds: number, say: (line: string) => void): Promise<readonly IntegrityLeg[]> {
  const tree = mkdtempSync(join(tmpdir(), 'strongroom-bench-files-'));
  const paths = fill(tree);
  say('file integrity: the first scan');
  const from = performance.now();
  const appliance = await startAppliance({ config: { capture: { audit: { enabled: false }, ebpf: { enabled: false }, files: { enabled: true, watch: [tree], executables: false } } } });
  try {
    const { services } = await appliance.status();
    const reader = services.find(({ name }) => name === 'files-reader')?.pid ?? null;
    if (reader === null) throw new Failed('bench.kernel', 'nobody watches files here', { fix: 'run it as root after tools/setup/setup.sh' });
    await received(appliance, 1);
    const scanned = await usedBy(appliance);
    const first = { title: 'first scan, 1,000 files', unit: 'ms', count: paths.length / 1000, elapsed: (performance.now() - from) / 1000, used: { ...scanned, capture: 0, vault: 0, others: 0 } };
    const leg = (title: string, unit: string, count: number, act: () => unknown, told = count): Promise<IntegrityLeg> => measured(appliance, { title, unit, count }, act, told, say);
    return [
      first,
      await leg('rest, part of one core', '%', seconds * 4, () => delay(seconds * 4000), 0),
      await leg(`content of ${LARGE} new files, 100 MiB`, 'ms', LARGE * LARGE_BYTES / (100 << 20), () => large(tree), LARGE),
      await leg('a changed file', 'µs', paths.length, () => paths.forEach((path) => writeFileSync(path, 'y', { flag: 'a' }))),
    ];
  } finally {
    await appliance.stop();
    rmSync(tree, { recursive: true, force: true });
  }
}

async function measured(appliance: Appliance, facts: Pick<IntegrityLeg, 'title' | 'unit' | 'count'>, act: () => unknown, told: number, say: (line: string) => void): Promise<IntegrityLeg> {
  say(`file integrity: ${facts.title}`);
  const [already, before, from] = [await counted(appliance), await usedBy(appliance), performance.now()];
  await act();
  await received(appliance, already + told);
  const [after, elapsed] = [await usedBy(appliance), (performance.now() - from) / 1000];
  return { ...facts, elapsed, used: Object.fromEntries(PARTS.map((part) => [part, after[part] - before[part]])) as Used };
}

function fill(tree: string): string[] {
  const paths: string[] = [];
  for (let directory = 0; directory < DIRECTORIES; directory += 1) {
    mkdirSync(join(tree, String(directory)));
    for (let file = 0; file < FILES_IN_EACH; file += 1) {
      const path = join(tree, String(directory), String(file));
      writeFileSync(path, 'x'.repeat(100 + file));
      paths.push(path);
    }
  }
  return paths;
}

function large(tree: string): void {
  const content = Buffer.alloc(LARGE_BYTES, 0x5a);
  for (let file = 0; file < LARGE; file += 1) writeFileSync(join(tree, `large-${file}`), content);
}

async function received(appliance: Appliance, wanted: number): Promise<void> {
  for (let poll = 0; await counted(appliance) < wanted; poll += 1) {
    if (poll === POLLS_MAX) throw new Failed('bench.kernel', 'differences of files did not come', { why: `${await counted(appliance)} of ${wanted} came`, fix: 'look at the log of the files-reader' });
    await delay(POLL_MS);
  }
}

async function counted({ addresses }: Appliance): Promise<number> {
  const page = await (await fetch(`http://${addresses['metrics']}/metrics`)).text();
  return Number(/^strongroom_capture_files_received\{[^}]*\} (\d+)/m.exec(page)?.[1] ?? 0);
}

async function usedBy(appliance: Appliance): Promise<Used> {
  const { services } = await appliance.status();
  const of = (...names: string[]): number => cpuSeconds(services.flatMap(({ name, pid }) => (names.includes(name) && pid !== null ? processTree(pid) : [])));
  return { reader: of('files-reader'), capture: of('capture'), vault: of('vault'), others: of('keys', 'gateway') + (appliance.pid === undefined ? 0 : cpuSeconds([appliance.pid])) };
}

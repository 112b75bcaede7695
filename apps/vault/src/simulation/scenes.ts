// SPDX-License-Identifier: Apache-2.0
// Small stretches of a vault's life, one for each thing that it does to the disk.
import type { Machine } from './machine.ts';
import type { VaultSizes } from './vault-process.ts';

export interface Scene {
  readonly name: string;
  readonly sizes?: Partial<VaultSizes>;
  /** What came before; nothing of it is explored. */
  readonly before?: (machine: Machine) => Promise<void>;
  /** What is explored: a crash before each of its operations, and one after the last. */
  readonly act: (machine: Machine) => Promise<void>;
}

export const SIZES: VaultSizes = {
  segmentMaxBytes: 100_000, cycleMaxBytes: 100_000, commitFileBytes: 100_000, minFreeBytes: 0, reserveBytes: 500, heartbeatSeconds: 3600, idleCycleMs: 1, extraEntries: 0,
};

export const SCENES: readonly Scene[] = [
  { name: 'the first start', act: started },
  { name: 'one commit', before: async (machine) => { await started(machine); await published(machine); }, act: (machine) => committed(machine, 1) },
  { name: 'publication', before: async (machine) => { await started(machine); await published(machine); await committed(machine, 2); }, act: published },
  {
    name: 'a commit that begins another segment', sizes: { segmentMaxBytes: 300 },
    before: async (machine) => { await started(machine); await committed(machine, 1); }, act: (machine) => committed(machine, 1),
  },
  {
    name: 'a commit log that is begun anew', sizes: { commitFileBytes: 1500 },
    before: async (machine) => { await started(machine); await committed(machine, 1); }, act: async (machine) => { await committed(machine, 3); await published(machine); },
  },
  { name: 'recovery after kill -9', before: async (machine) => { await started(machine); await committed(machine, 2); machine.kill(); }, act: started },
  {
    name: 'recovery after a power cut that kept all', before: async (machine) => { await started(machine); await committed(machine, 2); machine.cut(1); }, act: started,
  },
  {
    name: 'recovery after a commit whose sync failed', before: async (machine) => {
      await started(machine);
      await committed(machine, 1);
      machine.chance.syncError = 1;
      await hurried(machine, () => machine.vault === null);
      machine.chance.syncError = 0;
    },
    act: started,
  },
  {
    name: 'a full disk, and room again', sizes: { minFreeBytes: 0 },
    before: async (machine) => { await started(machine); await committed(machine, 1); },
    act: async (machine) => {
      machine.capacity = machine.image.usedBytes + 250;
      machine.time.after(1500, () => { machine.capacity = Infinity; });
      await committed(machine, 2);
      await published(machine);
    },
  },
  {
    name: 'a start on a full disk, and room again', before: async (machine) => { await started(machine); await committed(machine, 1); machine.kill(); },
    act: async (machine) => {
      machine.capacity = machine.image.usedBytes;
      machine.time.after(3000, () => { machine.capacity = Infinity; });
      await started(machine);
    },
  },
  {
    name: 'the first start on a full disk, and room', act: async (machine) => {
      machine.capacity = 0;
      machine.time.after(3000, () => { machine.capacity = Infinity; });
      await started(machine);
    },
  },
  { name: 'a stop in order', before: async (machine) => { await started(machine); await committed(machine, 2); }, act: async (machine) => { machine.vault!.stop(); await hurried(machine, () => machine.vault === null); } },
  {
    name: 'a publication that fills a tile', sizes: { extraEntries: 252 }, before: async (machine) => { await started(machine); await published(machine); },
    act: async (machine) => { await committed(machine, 4); await published(machine); },
  },
];

async function hurried(machine: Machine, until: () => boolean): Promise<void> {
  if (!await machine.time.run(() => machine.violation !== null || until(), 60_000)) throw new Error('a scene does not come to its end');
}

export async function started(machine: Machine): Promise<void> {
  if (machine.vault === null && machine.starts === 0) machine.start();
  await hurried(machine, () => machine.vault?.isListening === true);
}

/** So many more submissions are acknowledged. */
async function committed(machine: Machine, count: number): Promise<void> {
  const [service] = machine.services;
  const until = service!.acknowledgedCount + count;
  service!.allow(count);
  await hurried(machine, () => service!.acknowledgedCount >= until);
}

async function published(machine: Machine): Promise<void> {
  const size = machine.vault!.sealing!.vault.size;
  await hurried(machine, () => (machine.vault?.sealing?.publisher.publishedSize ?? 0) >= size);
}

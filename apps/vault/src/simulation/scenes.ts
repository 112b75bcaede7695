// SPDX-License-Identifier: Apache-2.0
// Small stretches of a vault's life, one for each thing that it does to the disk.
import type { OrderFile } from '@strongroom/evidence';
import { Seeded } from '@strongroom/testing';
import type { Query } from '../read/query.ts';
import type { Machine } from './machine.ts';
import { Operator } from './operator.ts';
import type { VaultSizes } from './vault-process.ts';

export interface Scene {
  readonly name: string;
  readonly sizes?: Partial<VaultSizes>;
  /** With holds and orders, which each recovery goes on with; of a crash only the extremes are tried, since there are many. */
  readonly hasCustody?: true;
  readonly hasChecksums?: true;
  /** What came before; nothing of it is explored. */
  readonly before?: (machine: Machine) => Promise<void>;
  /** What is explored: a crash before each of its operations, and one after the last. */
  readonly act: (machine: Machine) => Promise<void>;
}

export const SIZES: VaultSizes = {
  segmentMaxBytes: 100_000, cycleMaxBytes: 100_000, commitFileBytes: 100_000, minFreeBytes: 0, reserveBytes: 500, heartbeatSeconds: 3600, idleCycleMs: 1, extraEntries: 0, batchBytes: 1_000_000, asideFromBytes: 1_000_000,
};

const LOOKS_MAX = 1200;

export const SCENES: readonly Scene[] = [
  { name: 'the first start', act: started },
  { name: 'one commit', before: async (machine) => { await started(machine); await published(machine); }, act: (machine) => committed(machine, 1) },
  {
    name: 'a submission that is denied, and a line that is lost before that is heard', before: async (machine) => { await started(machine); await committed(machine, 1); },
    act: async (machine) => {
      const [service] = machine.services;
      machine.revoked.add('spiffe://simulated.example/source/a');
      service!.allow(1);
      await hurried(machine, () => machine.oracle.hasDenied);
      service!.link!.break();
      const { cycles } = machine.vault!.sealing!.vault;
      await hurried(machine, () => machine.vault!.sealing!.vault.cycles > cycles);
    },
  },
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
  {
    name: 'a line of the checksum database', hasChecksums: true, sizes: { segmentMaxBytes: 300 },
    before: async (machine) => { await started(machine); await committed(machine, 2); await followed(machine); await committed(machine, 2); await published(machine); }, act: followed,
  },
  {
    name: 'a hold that is placed', hasCustody: true, before: async (machine) => { await started(machine); await committed(machine, 1); },
    act: async (machine) => { await placed(machine); },
  },
  {
    name: 'an order that is drawn up', hasCustody: true, before: async (machine) => { await started(machine); await committed(machine, 1); },
    act: async (machine) => { await drawnUp(machine); },
  },
  {
    name: 'an order that is carried out', hasCustody: true,
    before: async (machine) => { await started(machine); await committed(machine, 1); await halfApproved(machine, await drawnUp(machine)); }, act: approved,
  },
  {
    name: 'a destruction that a hold leaves something of', hasCustody: true, sizes: { segmentMaxBytes: 300 },
    before: async (machine) => { await heldInPart(machine); await halfApproved(machine, await drawnUp(machine)); }, act: approved,
  },
  {
    name: 'the release of what is there by a hold alone', hasCustody: true, sizes: { segmentMaxBytes: 300 },
    before: async (machine) => {
      const hold = await heldInPart(machine);
      await halfApproved(machine, await drawnUp(machine));
      await approved(machine);
      await halfApproved(machine, await drawn(machine, (operator) => operator.drawRelease(hold)));
    },
    act: approved,
  },
];

async function hurried(machine: Machine, until: () => boolean): Promise<void> {
  if (!await machine.time.run(() => machine.violation !== null || until(), 60_000)) throw new Error('a scene does not come to its end');
}

export async function started(machine: Machine): Promise<void> {
  if (machine.vault === null && machine.starts === 0) machine.start();
  await hurried(machine, () => machine.vault?.isListening === true);
}

/** It has started, and has gone on with what was decided and what upkeep had not done. */
export async function settled(machine: Machine): Promise<void> {
  await started(machine);
  if (machine.vault?.upkeep !== undefined && machine.violation === null) {
    await followed(machine);
    machine.checkStore(true);
  }
  const custody = machine.vault?.custody;
  if (custody === undefined || machine.violation !== null) return;
  await answered(machine, custody.buckets());
  // Looked for now and then: judging orders costs more than all else here.
  for (let looks = 0; machine.violation === null && !machine.hasDecided; looks += 1) {
    if (looks > LOOKS_MAX) throw new Error('what was decided is not done');
    let isLater = false;
    machine.time.after(50, () => { isLater = true; });
    await hurried(machine, () => isLater);
  }
  machine.checkStore();
}

async function answered<T>(machine: Machine, asked: Promise<T>): Promise<T> {
  let isAnswered = false;
  asked.finally(() => { isAnswered = true; }).catch(() => undefined);
  await hurried(machine, () => isAnswered);
  return asked;
}

function operatorOf(machine: Machine): Operator {
  return new Operator(machine.office(), new Seeded('operator'));
}

async function placed(machine: Machine, query: Query = { source: 'a' }): Promise<string> {
  return (await answered(machine, operatorOf(machine).place(query)))!;
}

async function drawn(machine: Machine, draw: (operator: Operator) => Promise<OrderFile | null>): Promise<OrderFile> {
  return (await answered(machine, draw(operatorOf(machine))))!;
}

async function halfApproved(machine: Machine, file: OrderFile): Promise<void> {
  await answered(machine, operatorOf(machine).approve(file, 0));
}

/** The second custodian signs the order that waits, and it is done. */
async function approved(machine: Machine): Promise<void> {
  const { file } = machine.vault!.custody!.orders()[0]!;
  await answered(machine, operatorOf(machine).approve(file, 1));
  await answered(machine, machine.vault!.custody!.buckets());
}

/** The order to destroy all that there is. */
async function drawnUp(machine: Machine): Promise<OrderFile> {
  const [bucket] = await answered(machine, machine.vault!.custody!.buckets());
  return drawn(machine, (operator) => operator.drawDestroy(bucket!.name));
}

/** Of two segments a hold keeps the one with the first record. Gives the hold. */
async function heldInPart(machine: Machine): Promise<string> {
  await started(machine);
  await committed(machine, 1);
  const [run] = machine.oracle.submittedRuns;
  const hold = await placed(machine, { text: run!.records[0]! });
  await committed(machine, 3);
  return hold;
}

/** So many more submissions are acknowledged. */
async function committed(machine: Machine, count: number): Promise<void> {
  const [service] = machine.services;
  const until = service!.acknowledgedCount + count;
  service!.allow(count);
  await hurried(machine, () => service!.acknowledgedCount >= until);
}

/** Upkeep has seen all that is published. */
async function followed(machine: Machine): Promise<void> {
  await published(machine);
  await hurried(machine, () => machine.vault?.upkeep?.followed === machine.vault?.sealing?.publisher.publishedSize);
}

async function published(machine: Machine): Promise<void> {
  const size = machine.vault!.sealing!.vault.size;
  await hurried(machine, () => (machine.vault?.sealing?.publisher.publishedSize ?? 0) >= size);
}

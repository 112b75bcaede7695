// SPDX-License-Identifier: Apache-2.0
// Whether what is sealed of kernel events, and what is told as lost, make all that the kernel numbered: counted from the
// records themselves, and not from what capture says of its sums.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { serialIn, type Appliance } from '@strongroom/testing';
import { sealed, Told } from './kernel.ts';

/** What is missing may be told some seconds later, when it is certain that it does not come. */
const ROUNDS = 60;

/** What a record counts as for a test; null: as nothing. */
export type Kind = (raw: string) => string | null;

export interface Sums {
  /** Numbers that the kernel drew, as far as anything shows. */
  readonly numbers: number;
  readonly sealed: number;
  /** Told as lost. */
  readonly lost: number;
  /** Records by kind. */
  readonly kinds: ReadonlyMap<string, number>;
}

/** Of one life of the probe, which numbers events by processor from 0. Resolves when each number is sealed or told as lost. */
export function ebpfSums(appliance: Appliance, kind: Kind = () => null): Promise<Sums> {
  return balanced(async () => {
    const next = new Map<number, number>();
    const { kinds, records } = await counted(appliance, 'ebpf', kind, (raw) => {
      const [, cpu, sequence] = /"cpu":(\d+),"sequence":(\d+),/.exec(raw)!.map(Number) as [number, number, number];
      next.set(cpu, Math.max(next.get(cpu) ?? 0, sequence + 1));
    });
    return { numbers: [...next.values()].reduce((sum, one) => sum + one, 0), sealed: records, lost: (await Told.by(appliance)).lost('ebpf'), kinds };
  });
}

/** The same of the audit, whose events the kernel numbers one after the other. */
export function auditSums(appliance: Appliance, kind: Kind = () => null): Promise<Sums> {
  return balanced(async () => {
    const serials = new Set<number>();
    const { kinds } = await counted(appliance, 'audit', kind, (raw) => { if (!raw.startsWith('type=DAEMON_')) serials.add(serialIn(raw)); });
    const [first, last] = [...serials].reduce(([low, high], serial) => [Math.min(low, serial), Math.max(high, serial)], [Number.MAX_SAFE_INTEGER, 0]);
    return { numbers: last - first + 1, sealed: serials.size, lost: (await Told.by(appliance)).lost('audit'), kinds };
  });
}

async function counted(appliance: Appliance, protocol: string, kind: Kind, see: (raw: string) => void): Promise<{ kinds: Map<string, number>; records: number }> {
  const kinds = new Map<string, number>();
  let records = 0;
  for await (const raw of sealed(appliance, protocol)) {
    records += 1;
    see(raw);
    const name = kind(raw);
    if (name !== null) kinds.set(name, (kinds.get(name) ?? 0) + 1);
  }
  return { kinds, records };
}

async function balanced(count: () => Promise<Sums>): Promise<Sums> {
  let sums = await count();
  for (let round = 0; sums.sealed + sums.lost !== sums.numbers && round < ROUNDS; round += 1) {
    await delay(500);
    sums = await count();
  }
  const { numbers, sealed: kept, lost } = sums;
  assert.equal(kept + lost, numbers, `${kept} sealed and ${lost} told as lost of ${numbers}`);
  return sums;
}

// SPDX-License-Identifier: Apache-2.0
// For suites of kernel events: an appliance that takes them from both origins, and what it has sealed of them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HostAudit, startAppliance, type Appliance } from '@strongroom/testing';

const ROOT = join(import.meta.dirname, '../..');
const PROGRAMS = join(ROOT, 'node_modules/.strongroom-native');
/** What every host should tell. */
export const RULES = ['10-strongroom-base.rules', '30-strongroom-baseline.rules', '50-strongroom-programs.rules'].map((file) => join(ROOT, 'apps/capture/rules', file));

export type Fields = Readonly<Record<string, unknown>>;

/** Why the readers cannot run here, or false. */
export function probeMissing(): string | false {
  if (process.getuid?.() !== 0) return 'machine: loading a probe takes root';
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'machine: this kernel has no type information';
  const absent = ['strongroom-probe', 'strongroom-audit'].filter((name) => !existsSync(join(PROGRAMS, name)));
  return absent.length === 0 ? false : `machine: ${absent.join(' and ')} not built at set-up`;
}

export interface Both {
  readonly watch?: readonly string[];
  readonly ringBytes?: number;
  readonly receiveBytes?: number;
}

/** Resolves when both readers read. */
export async function startBoth({ receiveBytes, ...ebpf }: Both = {}): Promise<Appliance> {
  const audit = { enabled: true, ...(receiveBytes === undefined ? {} : { receiveBytes }) };
  const appliance = await startAppliance({ config: { capture: { audit, ebpf: { enabled: true, ...ebpf } } } });
  while ((await toldOf(appliance, 'ebpf.reading')).length === 0 || (await toldOf(appliance, 'audit.reading')).length === 0) await delay(100);
  return appliance;
}

/** What is sealed of a protocol, as it was received, in order; with `text` what contains it. */
export async function sealedBy(appliance: Appliance, protocol: string, text?: string): Promise<string[]> {
  return (await search(appliance, ...(text === undefined ? [] : [text]), '--protocol', protocol, '--kind', 'data')).map(({ raw }) => raw);
}

/** The fields of an event that our services sealed of themselves, in order. */
export async function toldOf(appliance: Appliance, name: string): Promise<Fields[]> {
  const events = (await search(appliance, `"${name}"`, '--kind', 'event')).map(({ raw }) => JSON.parse(raw) as { event: string; fields: Fields });
  return events.filter(({ event }) => event === name).map(({ fields }) => fields);
}

/** Resolves when all that both origins told before now is sealed. */
export async function settled(appliance: Appliance): Promise<void> {
  const mark = randomUUID();
  HostAudit.auditctl('-m', mark);
  while ((await sealedBy(appliance, 'audit', `text=${mark}`)).length === 0) await delay(100);
  for (let told = false; !told; told = (await sealedBy(appliance, 'ebpf', mark)).length > 0) spawnSync('/bin/true', [mark]);
}

async function search(appliance: Appliance, ...args: string[]): Promise<{ raw: string }[]> {
  const { code, stdout, stderr } = await appliance.cli('search', ...args, '-o', 'jsonl');
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as { raw: string });
}

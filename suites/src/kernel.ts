// SPDX-License-Identifier: Apache-2.0
// For suites of kernel events: an appliance that takes them from both origins, and what it has sealed of them.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { HostAudit, startAppliance, type Appliance } from '@strongroom/testing';

const ROOT = join(import.meta.dirname, '../..');
const PROGRAMS = join(ROOT, 'node_modules/.strongroom-native');
/** What every host should tell. */
export const RULES = ['10-strongroom-base.rules', '30-strongroom-baseline.rules', '50-strongroom-programs.rules'].map((file) => join(ROOT, 'apps/capture/rules', file));

/** Only so that a wait for what does not come ends. */
const ROUNDS_MAX = 200;

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
  readonly holdBytes?: number;
  readonly receiveBytes?: number;
}

/** Resolves when both readers read. */
export async function startBoth({ receiveBytes, ...ebpf }: Both = {}): Promise<Appliance> {
  const audit = { enabled: true, ...(receiveBytes === undefined ? {} : { receiveBytes }) };
  const appliance = await startAppliance({ config: { capture: { audit, ebpf: { enabled: true, ...ebpf } } } });
  await bothRead(appliance);
  return appliance;
}

/** Resolves when both readers read. */
export async function bothRead(appliance: Appliance): Promise<void> {
  for (;;) {
    const page = await (await fetch(`http://${appliance.addresses['metrics']}/metrics`)).text();
    if (['ebpf', 'audit'].every((origin) => new RegExp(`^strongroom_capture_${origin}_reading\\{[^}]*\\} 1$`, 'm').test(page))) return;
    await delay(100);
  }
}

/** What is sealed of a protocol, as it was received, in order; with `text` what contains it. */
export async function* sealed(appliance: Appliance, protocol: string, text?: string): AsyncGenerator<string> {
  const words = ['search', ...(text === undefined ? [] : [text]), '--protocol', protocol, '--kind', 'data', '-o', 'jsonl'];
  const child = spawn(join(ROOT, 'apps/cli/bin/strongroom'), words, { env: appliance.environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) yield (JSON.parse(line) as { raw: string }).raw;
  assert.deepEqual(await ended, [0, null]);
}

/** The same at once. */
export async function sealedBy(appliance: Appliance, protocol: string, text?: string): Promise<string[]> {
  return Array.fromAsync(sealed(appliance, protocol, text));
}

/** What our services sealed of themselves, in order. */
export class Told {
  readonly #events: readonly { readonly event: string; readonly fields: Fields }[];

  private constructor(events: readonly string[]) {
    this.#events = events.map((raw) => JSON.parse(raw) as { event: string; fields: Fields });
  }

  /** Until now. */
  static async by(appliance: Appliance): Promise<Told> {
    return new Told((await found(appliance, '--kind', 'event')).map(({ raw }) => raw));
  }

  /** The fields of each event with this name. */
  of(name: string): Fields[] {
    return this.#events.filter(({ event }) => event === name).map(({ fields }) => fields);
  }

  /** How many records an origin lost, by what it told. */
  lost(origin: 'ebpf' | 'audit'): number {
    return this.of(`${origin}.missing`).reduce((sum, { count }) => sum + Number(count ?? 0), 0);
  }
}

/** Resolves when all that both origins told before now is sealed. */
export async function settled(appliance: Appliance): Promise<void> {
  const mark = randomUUID();
  const seen = new Set<string>();
  for (let round = 0; !seen.has('ebpf') || !seen.has('audit'); round += 1) {
    assert.ok(round < ROUNDS_MAX, `only ${[...seen].join()} came; is the audit on? ${JSON.stringify(HostAudit.status())}`);
    HostAudit.auditctl('-m', mark); // again each time: there may have been no room for it
    spawnSync('/bin/true', [mark]);
    await delay(200);
    for (const { protocol } of await found(appliance, mark, '--kind', 'data')) seen.add(protocol);
  }
}

async function found(appliance: Appliance, ...conditions: string[]): Promise<{ raw: string; protocol: string }[]> {
  const { code, stdout, stderr } = await appliance.cli('search', ...conditions, '-o', 'jsonl');
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as { raw: string; protocol: string });
}

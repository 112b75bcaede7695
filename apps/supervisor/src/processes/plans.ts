// SPDX-License-Identifier: Apache-2.0
// Which processes there are, and how each is started.
import { closeSync, constants, openSync, readFileSync, statSync } from 'node:fs';
import { hasHeat, portsOf, type Config, type ServiceName } from '@strongroom/service';
import type { Account, Accounts } from '../place/accounts.ts';
import type { Place } from '../place/place.ts';
import { asSeen, seenByServices } from '../place/view.ts';
import type { ChildPlan } from './child.ts';
import { serviceCommand, serviceEnvironment } from './command.ts';
import type { Doorways } from './doorway.ts';

const KMSG = '/dev/kmsg';

export interface PlanFacts {
  readonly place: Place;
  readonly config: Config;
  readonly users: Accounts | null;
  readonly lock: number;
  /** Where services join us that systemd starts; null: we start them. */
  readonly doorways: Doorways | null;
}

/** All processes in the order of their start. */
export function plans(facts: PlanFacts): readonly ChildPlan[] {
  const gateways = Array.from({ length: facts.config.gateway.processes }, (_, index) => plan('gateway', index, facts));
  const witness = needsWitness(facts.config) ? [plan('witness', 0, facts)] : [];
  const guard = facts.config.clock.enabled ? [plan('skew-guard', 0, facts)] : [];
  const rack = needsRack(facts.config) ? [plan('rack-monitor', 0, facts)] : [];
  return [plan('keys', 0, facts), plan('vault', 0, facts), ...witness, ...gateways, plan('capture', 0, facts), ...guard, ...rack];
}

/** It runs where there is something to watch: a device, a listener for traps, a temperature. */
export function needsRack({ rack: { enabled, devices, traps, heat } }: Config): boolean {
  return enabled && (Object.keys(devices).length > 0 || traps.enabled || (heat.enabled && hasHeat(heat.root)));
}

/** The one process that talks to others of its own accord runs only where it has something to say. */
export function needsWitness({ witness }: Config): boolean {
  return witness.policy !== undefined || witness.timestamps.url !== undefined || witness.serve.enabled;
}

function plan(service: ServiceName, index: number, { place, config, users, lock, doorways }: PlanFacts): ChildPlan {
  const command = serviceCommand(service, {
    code: seenByServices(place).code, node: asSeen(place, process.execPath), root: process.getuid?.() === 0,
    account: accountFor(service, config, users), ports: portsOf(service, config),
  });
  return {
    service, index, command, lock, environment: serviceEnvironment(asSeen(place, place.codeCache)),
    openKmsg: service === 'capture' && config.capture.kmsg ? openKmsg : () => null,
    ...(doorways === null ? {} : { doorway: doorways.open(service, index) }),
  };
}

/** The key service uses the TPM by the group that the machine gives it to. */
function accountFor(service: ServiceName, { keys: { counter: { tpm } } }: Config, users: Accounts | null): Account | null {
  const account = users?.[service] ?? null;
  const group = service === 'keys' && tpm !== undefined ? groupOf(tpm) : null;
  return account === null || group === null ? account : { ...account, groups: [...account.groups, group] };
}

/** Root's own group would be more than a device. */
function groupOf(path: string): number | null {
  const gid = statSync(path, { throwIfNoEntry: false })?.gid ?? 0;
  return gid === 0 ? null : gid;
}

function openKmsg(): number | null {
  try {
    return openSync(KMSG, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}

/** Why kernel messages cannot be collected, or null. */
export function kmsgMissing(config: Config): string | null {
  if (!config.capture.kmsg) return null;
  try {
    closeSync(openSync(KMSG, constants.O_RDONLY | constants.O_NONBLOCK));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Descriptors of a gateway beside its connections. */
const FILES_BESIDE = 128;

/** Why a gateway cannot have as many connections as configured, or null. Node itself uses the hard limit whole. */
export function filesMissing(config: Config): string | null {
  const [, hard = 'unlimited'] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  const needed = config.gateway.maxConnections + FILES_BESIDE;
  if (hard === 'unlimited' || Number(hard) >= needed) return null;
  return `the limit of open files is ${hard}, and ${config.gateway.maxConnections} connections need ${needed}`;
}

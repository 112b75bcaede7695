// SPDX-License-Identifier: Apache-2.0
// run/control.sock: orders to the supervisor, from whoever may open the socket (its own user, and root).
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { isEnrolledRole, REGISTRY_PART, serveRpc, socketPath, type Check, type Fields, type KeyUse, type Layout, type Registry, type RpcVerbs, type Status } from '@strongroom/service';
import type { HabitFacts } from '@strongroom/service/coverage';
import type { OwnEvents } from './events/own-events.ts';
import { readEnrolRequest, type Enrolments } from './identities/enrolments.ts';
import type { IncidentBook } from './incidents/incident-book.ts';
import { watchItem } from './status/status.ts';
import type { Supervisor } from './supervisor.ts';

const WATCH_INTERVAL_MS = 1000;
const REASON_CHARACTERS_MAX = 500;

export interface ControlFacts {
  readonly paths: Layout;
  readonly supervisor: Supervisor;
  readonly enrolments: Enrolments;
  readonly events: OwnEvents;
  readonly incidents: IncidentBook;
  status(): Status;
  habits(): HabitFacts;
  /** Names in the gateway's server certificate: what producers may call us. */
  serverNames(): unknown;
}

/** Listens on the control socket, mode 0600. */
export function serveControl(facts: ControlFacts): Promise<Server> {
  const verbs = controlVerbs(facts);
  const server = createServer((socket) => {
    void serveRpc(socket, verbs, {
      caller: null,
      onError: (verb, error) => facts.events.event('supervisor.order-failed', 'error', { verb, message: (error as Error).message }),
    });
  });
  const path = socketPath(facts.paths.controlSocket);
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Our umask leaves nobody else a right from the first moment on.
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve(server);
    });
  });
}

function controlVerbs(facts: ControlFacts): RpcVerbs<null> {
  const { supervisor, enrolments, events, incidents } = facts;
  return {
    status: async () => {
      await supervisor.measure();
      return facts.status();
    },
    async *watch(_, { signal }) {
      for (;;) {
        await supervisor.measure();
        yield watchItem(supervisor.children, incidents.list());
        await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return null;
      }
    },
    habits: async () => facts.habits(),
    registry: async () => enrolments.registry,
    sources: async () => enrolments.registry,
    enrol: async (args) => {
      const request = readEnrolRequest(args);
      const enrolled = await enrolments.enrol(request, supervisor.keys);
      const { id, keyHash, serial, notAfter } = enrolled;
      events.event('supervisor.enrolled', 'info', { id, keyHash, serial, notAfter });
      await supervisor.publishRegistry();
      return { ...enrolled, caPem: readFileSync(facts.paths.ca, 'utf8'), listeners: facts.status().listeners, serverNames: facts.serverNames() };
    },
    revoke: async (args) => {
      const { part, name, reason } = readRevokeRequest(args);
      const revoked = await enrolments.revoke(part, name, reason);
      events.event('supervisor.revoked', 'warn', { id: revoked.id, keyHash: revoked.keyHash, reason });
      await supervisor.publishRegistry();
      return revoked;
    },
    scrub: async () => {
      supervisor.scrub();
      events.event('supervisor.scrub-asked', 'info');
      return null;
    },
    witnessKey: async (args) => {
      const part = (args as { part?: unknown } | null)?.part === 'mirror' ? 'mirror' : 'witness';
      return { name: `${facts.status().deployment}/${part}`, publicKeySpki: await supervisor.keys.witnessKey(part) };
    },
    listKeys: async () => {
      const [keys, uses] = [await supervisor.keys.listKeys(), (await supervisor.orderVault('key-uses', {})) as Record<string, KeyUse>];
      return keys.map((key) => ({ ...key, segments: uses[String(key['keyId'])]?.count ?? (key['keyId'] === null ? null : 0) }));
    },
    checkKeys: async () => {
      const [keys, vault] = [await supervisor.keys.checkKeys(), (await supervisor.orderVault('check-process', {})) as Check[]];
      return [...keys.map((check) => ({ process: 'keys', ...check })), ...vault.map((check) => ({ process: 'vault', ...check }))];
    },
    rotateKeys: async (args) => {
      const order = readRotateOrder(args);
      events.event('supervisor.keys-rotation-ordered', 'warn', order);
      const rotated = await supervisor.orderVault('rotate-keys', order);
      events.event('supervisor.keys-rotated', 'warn', { ...(rotated as Fields), reason: order.reason });
      return rotated;
    },
    // The vault hears of it first: it has nothing stamped out of turn that nobody here ordered.
    timestamp: async () => {
      const wished = await supervisor.orderVault('timestamp-now', {});
      events.event('supervisor.timestamp-ordered', 'info');
      return supervisor.orderWitness('timestamp-now', wished);
    },
    clock: async () => supervisor.orderClock(),
    rack: async (args) => supervisor.orderRack(args),
    reload: async () => {
      await supervisor.renew();
      supervisor.reload();
      events.event('supervisor.reloaded', 'info');
      return null;
    },
  };
}

function readRotateOrder(args: unknown): { log: boolean; wrapping: boolean; reason: string } {
  const { log, wrapping, reason } = (args ?? {}) as Record<string, unknown>;
  if (typeof log !== 'boolean' || typeof wrapping !== 'boolean' || typeof reason !== 'string' || reason === '' || !(log || wrapping)) {
    throw new Refused('supervisor.rotate', 'a rotation needs what is to be changed, and the reason');
  }
  return { log, wrapping, reason: reason.slice(0, REASON_CHARACTERS_MAX) };
}

function readRevokeRequest(args: unknown): { part: keyof Registry; name: string; reason: string } {
  const { name, role, reason } = (args ?? {}) as Record<string, unknown>;
  if (typeof name !== 'string' || (role !== undefined && !isEnrolledRole(role))) {
    throw new Refused('supervisor.revoke', 'a revocation needs a name, and the role source, reader or custodian');
  }
  return { part: REGISTRY_PART[role ?? 'source'], name, reason: typeof reason === 'string' ? reason.slice(0, REASON_CHARACTERS_MAX) : '' };
}

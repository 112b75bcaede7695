// SPDX-License-Identifier: Apache-2.0
// Where everything lives under $STRONGROOM_HOME: docs/ARCHITECTURE.md, "Processes and their files".
import { join, resolve } from 'node:path';

export const SERVICES = ['keys', 'vault', 'gateway', 'capture', 'supervisor', 'witness', 'skew-guard', 'rack-monitor'] as const;
export type ServiceName = (typeof SERVICES)[number];
/** Services that submit to the vault: each has a socket of its own there. */
export const SUBMITTERS = ['gateway', 'capture', 'supervisor', 'skew-guard', 'rack-monitor'] as const;
export type Submitter = (typeof SUBMITTERS)[number];

export interface IdentityPaths {
  readonly directory: string;
  readonly certificate: string;
  readonly key: string;
}

export type Layout = ReturnType<typeof layout>;

/** Every path of a home directory. Pure: nothing is created. */
export function layout(home: string) {
  const at = (...parts: string[]): string => join(resolve(home), ...parts);
  return Object.freeze({
    home: resolve(home),
    store: at('store'),
    log: at('store', 'log'),
    segments: at('store', 'segments'),
    commit: at('store', 'commit'),
    /** Checkpoints that a time stamping authority stamped, and its answers. */
    timestamps: at('store', 'timestamps'),
    /** What proves each change of the log's key. */
    rotations: at('store', 'rotations'),
    orders: at('store', 'orders'),
    secrets: at('secrets'),
    /** The service identity of a service, or of the `operator`. */
    identity: (name: ServiceName | 'operator'): IdentityPaths => identityPaths(at('secrets', name)),
    keysToken: at('secrets', 'keys'),
    dataKeys: at('secrets', 'vault'),
    gatewayServerCertificate: at('secrets', 'gateway', 'server.pem'),
    gatewayServerKey: at('secrets', 'gateway', 'server-key.pem'),
    state: at('state'),
    ca: at('state', 'ca.pem'),
    deployment: at('state', 'deployment'),
    /** The log's name, where an earlier log was given up. */
    logName: at('state', 'log'),
    /** What was moved aside when a log was given up. */
    rollbacks: at('state', 'rollbacks'),
    registry: at('state', 'registry.json'),
    /** Incidents that may be without a sealed end. */
    incidents: at('state', 'incidents.json'),
    events: at('state', 'events.log'),
    /** What the supervisor learnt of when sources are heard. */
    habits: at('state', 'habits'),
    vaultState: at('state', 'vault'),
    pendingOrders: at('state', 'vault', 'orders'),
    holds: at('state', 'vault', 'holds'),
    /** Where the reader of files keeps its baseline. */
    filesState: at('state', 'files'),
    witnessState: at('state', 'witness'),
    /** The witness policy as it was at the start, for every service to read. */
    policy: at('state', 'policy'),
    /** The roots of the time stamping authority as they were at the start, for every service to read. */
    timestampRoots: at('state', 'timestamp-roots.pem'),
    /** A device's secret that the configuration names without a path. */
    rackSecret: (file: string): string => resolve(home, 'secrets', 'rack-monitor', file),
    run: at('run'),
    codeCache: at('run', 'code-cache'),
    lock: at('run', 'supervisor.lock'),
    pidFile: at('run', 'supervisor.pid'),
    controlSocket: at('run', 'control.sock'),
    /** What is known of this machine's clock, for every service to read. */
    clock: at('run', 'clock'),
    anchor: at('run', 'clock', 'anchor'),
    /** Where a service that systemd started joins the supervisor. */
    joinSocket: (name: ServiceName, index: number): string => at('run', 'join', `${name}-${index}.sock`),
    runOf: (name: ServiceName): string => at('run', name),
    keysAdminSocket: at('run', 'keys', 'admin.sock'),
    keysVaultSocket: at('run', 'keys', 'vault.sock'),
    keysWitnessSocket: at('run', 'keys', 'witness.sock'),
    submitSocket: (name: Submitter): string => at('run', 'vault', `${name}.sock`),
    /** Where a native reader of capture's connects to it. */
    readerSocket: (reader: string): string => at('run', 'capture', `${reader}.sock`),
    readSocket: at('run', 'vault', 'read.sock'),
    witnessSocket: at('run', 'vault', 'witness.sock'),
    /** What verification compares with witnesses: the last checkpoint that a quorum cosigned. */
    witnessed: at('store', 'witnessed'),
  });
}

function identityPaths(directory: string): IdentityPaths {
  return { directory, certificate: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
}

/** The home directory by environment: `$STRONGROOM_HOME`, else `var` below `base`. */
export function homeDirectory(base: string, environment: NodeJS.ProcessEnv = process.env): string {
  const set = environment['STRONGROOM_HOME'];
  return resolve(set === undefined || set === '' ? join(base, 'var') : set);
}

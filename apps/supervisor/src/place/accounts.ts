// SPDX-License-Identifier: Apache-2.0
// The user of each service. A passwd entry strongroom-<name> is used where the machine has one; else a fixed number from a
// range that systemd's documentation leaves to nobody (60578-61183), so that no entry has to be made.
import { readFileSync } from 'node:fs';
import { SERVICES, type ServiceName } from '@strongroom/service';

export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Groups beside `gid`. */
  readonly groups: readonly number[];
}

export type Accounts = Readonly<Record<ServiceName, Account>>;

const FIRST_ID = 60600;
const READER_ID = 60650;
/** Whose sockets a service hands out: it must belong to their groups to give them away. */
const GIVES_TO: Readonly<Record<ServiceName, readonly ServiceName[]>> = {
  keys: ['vault', 'witness'], vault: ['gateway', 'capture', 'supervisor', 'witness', 'skew-guard', 'rack-monitor'], gateway: [], capture: [], supervisor: [], witness: [], 'skew-guard': [], 'rack-monitor': [],
};

/** All accounts, from the text of /etc/passwd and /etc/group. The supervisor's is root with a group of its own. */
export function accounts(passwd: string, group: string): Accounts {
  const entries = SERVICES.map((name, i) => [name, accountOf(passwd, name, FIRST_ID + i)] as const);
  const own = Object.fromEntries(entries) as Record<ServiceName, { uid: number; gid: number }>;
  const journal = groupOf(group, 'systemd-journal');
  return Object.fromEntries(SERVICES.map((name) => [name, {
    uid: name === 'supervisor' ? 0 : own[name].uid, gid: own[name].gid,
    groups: [...GIVES_TO[name].map((other) => own[other].gid), ...(name === 'capture' && journal !== undefined ? [journal] : [])],
  }])) as unknown as Accounts;
}

/** The user of native readers, who reach capture's sockets by its group, and nothing else. */
export function readerAccount(passwd = readOr('/etc/passwd')): { readonly uid: number; readonly gid: number } {
  return accountOf(passwd, 'reader', READER_ID);
}

/** Those of this machine. */
export function machineAccounts(): Accounts {
  return accounts(readOr('/etc/passwd'), readOr('/etc/group'));
}

function accountOf(passwd: string, name: ServiceName | 'reader', number: number): { uid: number; gid: number } {
  const [, , uid, gid] = lineOf(passwd, `strongroom-${name}`) ?? [];
  return uid === undefined || gid === undefined ? { uid: number, gid: number } : { uid: Number(uid), gid: Number(gid) };
}

function groupOf(group: string, name: string): number | undefined {
  const gid = lineOf(group, name)?.[2];
  return gid === undefined ? undefined : Number(gid);
}

function lineOf(text: string, name: string): string[] | undefined {
  return text.split('\n').map((line) => line.split(':')).find(([first]) => first === name);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

// SPDX-License-Identifier: Apache-2.0
// Carries out the order to go on from an older store, while nothing runs. Witnesses and everybody with an outside copy have
// seen more of this log, and rightly refuse one that goes on otherwise: so it ends here, and a new one begins.
//
// Order, and what a crash leaves at each step (repeat the command with the same order: it goes on):
//   1. state/rollbacks/<order>: the order, and the name of the new log      nothing has changed yet
//   2. state/log names the new log                                          a start refuses the old store
//   3. what state/vault knows of the old log is moved to state/rollbacks/<order>/vault
//   4. the order lies in state/vault/acceptance, where the next start finds it
//   5. the store is moved to store.<number>                                 done: the next start begins the new log
// Nothing is deleted.
import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { checkApproved, encodeOrderFile, logName, logNumber, readCheckpoint, splitNote, type OrderFile } from '@strongroom/evidence';
import { RpcClient, syncDirectory, writeDurably, type Layout } from '@strongroom/service/client';
import { logOrigin } from '@strongroom/service/log-origin';
import { homeRules } from './rules.ts';
import { findRollback } from './rollback.ts';

/** Of state/vault: what a repeated try finds, and what it put there. */
const KEPT = ['acceptance'];

export interface AcceptedRollback {
  /** The log that was given up, and where its store is. */
  readonly origin: string;
  readonly store: string;
  /** File with its key. */
  readonly vkey: string;
  readonly next: string;
  readonly lost: number;
}

/** Throws `Refused`: `recover.*`, `order.*`, `approval.*`; `Failed`: `order.no-checkpoint`, `recover.*`. */
export async function acceptRollback(paths: Layout, file: OrderFile, now: bigint): Promise<AcceptedRollback> {
  const { order } = file;
  if (order.kind !== 'accept-rollback') throw new Refused('recover.order', `the order is to ${order.kind}`, { why: 'an older store is accepted by an order to accept-rollback', fix: 'strongroom order accept-rollback FILE --reason TEXT' });
  await checkStopped(paths);
  const place = join(paths.rollbacks, order.id);
  const bytes = encodeOrderFile(file);
  if (!isBegun(place, bytes)) {
    judge(paths, file, now);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    await writeDurably(join(place, 'log'), `${nextName(paths, order.origin)}\n`);
    await writeDurably(join(place, 'order'), bytes);
    for (const directory of [paths.rollbacks, paths.state]) await syncDirectory(directory);
  }
  const next = readFileSync(join(place, 'log'), 'utf8').trim();
  await writeDurably(paths.logName, `${next}\n`, 0o644);
  await moveKnowledge(paths, join(place, 'vault'));
  await writeDurably(join(paths.vaultState, 'acceptance'), bytes, 0o600, statSync(paths.vaultState));
  const store = await moveStore(paths, order.origin);
  return { origin: order.origin, store, vkey: join(place, 'vault/vkey'), next, lost: order.seen - order.size };
}

async function checkStopped(paths: Layout): Promise<void> {
  const client = await RpcClient.connect(paths.controlSocket).catch(() => null);
  client?.close();
  if (client !== null) throw new Refused('recover.live', `Strongroom runs in ${paths.home}`, { why: 'a log in use is not given up', fix: 'stop it first' });
}

function isBegun(place: string, bytes: Buffer): boolean {
  if (!existsSync(join(place, 'order'))) return false;
  if (readFileSync(join(place, 'order')).equals(bytes)) return true;
  throw new Refused('recover.order', 'this order was carried out with other approvals', { why: `${join(place, 'order')} differs`, fix: 'give the file that was used then' });
}

/** That it is about what lies here, and that two custodians of this deployment approved it. */
function judge(paths: Layout, file: OrderFile, now: bigint): void {
  const { order } = file;
  const { origin, found, seen } = findRollback(paths);
  const same = order.kind === 'accept-rollback' && order.origin === origin && order.size === found.size && order.root.equals(found.root) && order.seen === seen.size && order.seenRoot.equals(seen.root);
  if (!same) {
    throw new Refused('recover.other', 'the order is about another rollback', {
      why: `here the store of ${origin} has ${found.size} entries and ${seen.size} were seen; the order says ${order.size}${order.kind === 'accept-rollback' ? ` and ${order.seen}` : ''} of ${order.origin}`,
      fix: 'draw it up again here: strongroom order accept-rollback FILE --reason TEXT',
    });
  }
  const rules = homeRules(paths, origin);
  if (rules.authority === null) throw new Failed('recover.registry', 'nobody can tell who the custodians are', { why: `${paths.registry} or ${paths.ca} cannot be read`, fix: 'restore them from a backup' });
  checkApproved(file, { ...rules, now });
}

function nextName(paths: Layout, origin: string): string {
  const deployment = readFileSync(paths.deployment, 'utf8').trim();
  if (logOrigin(paths, deployment) !== origin) throw new Refused('recover.other', `this home's log is not ${origin}`);
  return logName(deployment, (logNumber(origin, deployment) ?? 0) + 1);
}

async function moveKnowledge(paths: Layout, aside: string): Promise<void> {
  const { uid, gid } = statSync(paths.vaultState);
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(paths.vaultState)) if (!KEPT.includes(name)) renameSync(join(paths.vaultState, name), join(aside, name));
  if (process.getuid?.() === 0) chownSync(aside, uid, gid);
  for (const directory of [aside, paths.vaultState]) await syncDirectory(directory);
}

/** To `store.<number of the log>`; a new store that a start began there already is none of ours to move. */
async function moveStore(paths: Layout, origin: string): Promise<string> {
  const deployment = readFileSync(paths.deployment, 'utf8').trim();
  const to = `${paths.store}.${logNumber(origin, deployment)}`;
  if (existsSync(to)) return to;
  const note = readFileSync(join(paths.log, 'checkpoint'), 'utf8');
  if (readCheckpoint(splitNote(note).text).origin !== origin) throw new Failed('recover.store', `the store in ${paths.home} is not of ${origin}`, { why: 'it was moved already, and its place is not known', fix: 'look for it beside the store' });
  renameSync(paths.store, to);
  await syncDirectory(paths.home);
  return to;
}

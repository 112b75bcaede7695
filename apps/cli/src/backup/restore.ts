// SPDX-License-Identifier: Apache-2.0
// Puts a backup into a home that has no store. Order, and what a crash leaves at each step:
//   1. all files into <home>/restoring, each held against its digest and synced     a directory that the next try removes
//   2. keys and state to their places, where nothing is there yet                   a home without a store; the next try goes on
//   3. the store, by one rename                                                     done
// What lies in state/ already stays: it may remember more than this backup has, and the start must be able to say so.
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { readCheckpoint, splitNote } from '@strongroom/evidence';
import { readIfThere, RpcClient, type Layout } from '@strongroom/service/client';
import { fileFault } from './check.ts';
import { readManifest, type BackupFile, type BackupManifest } from './manifest.ts';
import { SnapshotTarget } from '../snapshot/target.ts';

const PIECE_BYTES = 1024 * 1024;
const PUBLIC = ['state/ca.pem', 'state/deployment', 'state/log'];

export interface Restored {
  readonly manifest: BackupManifest;
  /** Files of the home that were there and were left. */
  readonly kept: readonly string[];
  /** The log's size that this home remembers, where that is more than the backup has. */
  readonly remembered: number | null;
  /** Whether the token was put back too. */
  readonly token: boolean;
}

/** Throws `Refused`: `backup.*`, `restore.live`, `restore.not-empty`, `restore.other`; `Failed('restore.damaged')`. */
export async function restoreBackup(paths: Layout, directory: string, tokenDirectory: string | undefined): Promise<Restored> {
  const manifest = readManifest(directory);
  await checkTarget(paths, manifest);
  const staging = join(paths.home, 'restoring');
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(paths.home, { recursive: true });
  const target = new SnapshotTarget(staging, paths.store);
  for (const file of manifest.files) stage(directory, file, target);
  target.sync();
  const kept: string[] = [];
  for (const { path } of manifest.files.filter((file) => !file.path.startsWith('store/'))) if (!moveIn(staging, paths.home, path)) kept.push(path);
  if (tokenDirectory !== undefined) putToken(tokenDirectory, paths);
  removeEmpty(paths.store);
  if (existsSync(paths.store)) throw notEmpty(paths);
  renameSync(join(staging, 'store'), paths.store);
  syncDirectory(paths.home);
  rmSync(staging, { recursive: true, force: true });
  return { manifest, kept, remembered: rememberedBeyond(paths, manifest.size), token: tokenDirectory !== undefined };
}

async function checkTarget(paths: Layout, manifest: BackupManifest): Promise<void> {
  const client = await RpcClient.connect(paths.controlSocket).catch(() => null);
  client?.close();
  if (client !== null) throw new Refused('restore.live', `Strongroom runs in ${paths.home}`, { why: 'a home in use is never written over', fix: 'stop it, or name another home with --home DIR' });
  if (existsSync(join(paths.log, 'checkpoint'))) throw notEmpty(paths);
  const deployment = readIfThere(paths.deployment)?.trim() ?? null;
  if (deployment === null || deployment === manifest.deployment) return;
  throw new Refused('restore.other', `${paths.home} belongs to the deployment ${deployment}`, { why: `the backup is of ${manifest.deployment}`, fix: 'name an empty home with --home DIR' });
}

function notEmpty(paths: Layout): Refused {
  return new Refused('restore.not-empty', `there is a store in ${paths.home}`, { why: `${paths.store} holds something, and evidence is never written over`, fix: 'move it aside, or name an empty home with --home DIR' });
}

function stage(directory: string, file: BackupFile, target: SnapshotTarget): void {
  const fault = fileFault(directory, file);
  if (fault !== null) throw new Failed('restore.damaged', 'the backup is damaged; nothing was put in place', { why: fault, fix: 'see "strongroom backup check", and take an earlier backup' });
  const fd = openSync(join(directory, file.path), 'r');
  try {
    target.writePieces(file.path, chunks(fd));
  } finally {
    closeSync(fd);
  }
  chmodSync(join(target.root, file.path), modeOf(file.path));
}

/** As the supervisor and the vault make them: what every service reads is public, secrets and state are their owner's. */
function modeOf(path: string): number {
  if (PUBLIC.includes(path)) return 0o644;
  return path.startsWith('secrets/') || path.startsWith('state/vault/') ? 0o600 : 0o640;
}

function* chunks(fd: number): Generator<Buffer> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  for (let read = readSync(fd, piece); read > 0; read = readSync(fd, piece)) yield piece.subarray(0, read);
}

/** False when something is there already, which stays. */
function moveIn(staging: string, home: string, path: string): boolean {
  const to = join(home, path);
  if (existsSync(to)) return false;
  mkdirSync(dirname(to), { recursive: true });
  renameSync(join(staging, path), to);
  syncDirectory(dirname(to));
  return true;
}

/** The embedded token and its PINs, as `backup make --with-token` wrote them. */
function putToken(directory: string, paths: Layout): void {
  if (existsSync(join(paths.keysToken, 'token')) && readdirSync(join(paths.keysToken, 'token')).length > 0) {
    throw new Refused('restore.token', `there is a token in ${paths.keysToken}`, { why: 'keys are never written over', fix: 'leave --token out, or move it aside' });
  }
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(paths.keysToken, from.slice(resolve(directory).length + 1));
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    const target = openSync(to, 'wx', 0o600);
    try {
      writeFileSync(target, readFileSync(from));
      fsyncSync(target);
    } finally {
      closeSync(target);
    }
    syncDirectory(dirname(to));
  }
}

/** Directories that an earlier start made and that hold nothing. */
function removeEmpty(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeEmpty(join(path, entry.name));
  if (readdirSync(path).length === 0) rmdirSync(path);
}

function rememberedBeyond(paths: Layout, size: number): number | null {
  const note = readIfThere(join(paths.vaultState, 'remembered'));
  const seen = note === null ? 0 : readCheckpoint(splitNote(note).text).size;
  return seen > size ? seen : null;
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

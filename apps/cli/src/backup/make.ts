// SPDX-License-Identifier: Apache-2.0
// A backup of a home, also while it runs. Order, so that each part has at least what those before it need:
//   1. the store as of its published checkpoint     every segment that it names had its data key before its first frame
//   2. wrapped data keys, and what tells of keys    every wrapping key was durable before it wrapped one of these
//   3. the token, if asked for, to another place
//   4. registry, texts of holds, checksums, and that checkpoint as the remembered one
//   5. the manifest: before it the directory is no backup
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { parsePartName, vkeyOf, presentKey, type LinkedKeys } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service/client';
import { FileStore } from '../store/file-store.ts';
import { takeSnapshot } from '../snapshot/take.ts';
import { MANIFEST, manifestText, readManifest, type BackupFile } from './manifest.ts';
import { BackupTarget, type Base } from './target.ts';

/** Of secrets/keys: what tells which keys there are. Nothing in it is secret. */
const KEY_FACTS = ['founded.json', 'ca.pem', 'log-keys.json', 'retired-wrapping-keys.json', 'orders'];
const STATE = ['deployment', 'log', 'registry.json', 'ca.pem'];
/** Under a bucket's key, or under a legal hold's. */
const DATA_KEY = /^[0-9a-f]{16}\.(hold-[0-9a-f]{32}\.)?key$/;
const TOKEN_ATTEMPTS = 5;

export interface BackupPlan {
  readonly paths: Layout;
  readonly keys: LinkedKeys;
  readonly directory: string;
  /** Where the embedded token goes; undefined: it is not copied. */
  readonly tokenDirectory: string | undefined;
  /** An earlier backup, whose segments are linked. */
  readonly base: string | undefined;
  readonly checksums: string;
  readonly createdAt: string;
}

export interface BackupFacts {
  readonly origin: string;
  readonly size: number;
  readonly segments: number;
  readonly linked: number;
  readonly dataKeys: number;
  readonly bytes: number;
  readonly token: boolean;
}

/** Throws `Refused`: `backup.*`, `snapshot.*`; `Failed`: `snapshot.*`, `backup.token`. */
export async function makeBackup(plan: BackupPlan, progress: (done: number, total: number) => void): Promise<BackupFacts> {
  const { paths, keys, directory } = plan;
  checkApart(plan);
  const target = new BackupTarget(directory, paths.home, baseOf(plan));
  const store = new FileStore(paths.store);
  try {
    const { origin, logSize: size, segments } = await takeSnapshot(store, keys, target.store(), progress);
    const dataKeys = readdirSync(paths.dataKeys).filter((name) => DATA_KEY.test(name));
    for (const name of dataKeys) copyIfThere(target, join(paths.dataKeys, name), `secrets/vault/${name}`);
    for (const name of KEY_FACTS) copyIfThere(target, join(paths.keysToken, name), `secrets/keys/${name}`);
    if (plan.tokenDirectory !== undefined) copyToken(paths, plan.tokenDirectory);
    for (const name of STATE) copyIfThere(target, join(paths.state, name), `state/${name}`);
    for (const name of holdsIn(paths)) copyIfThere(target, join(paths.holds, name), `state/vault/holds/${name}`);
    target.write('state/vault/remembered', readFileSync(join(directory, 'store/log/checkpoint')));
    target.write('state/vault/vkey', `${vkeyOf(presentKey(keys))}\n`);
    target.write('state/vault/checksums', coveredChecksums(join(plan.checksums, 'checksums'), target.files));
    const deployment = readFileSync(paths.deployment, 'utf8').trim();
    target.writeManifest(MANIFEST, manifestText({ deployment, origin, size, vkey: vkeyOf(presentKey(keys)), createdAt: plan.createdAt, files: target.files }));
    const bytes = target.files.reduce((sum, file) => sum + file.bytes, 0);
    return { origin, size, segments, linked: target.linked, dataKeys: dataKeys.length, bytes, token: plan.tokenDirectory !== undefined };
  } finally {
    store.close();
  }
}

/** Texts of legal holds: without them nobody knows what is held, and nothing is destroyed. */
function holdsIn({ holds }: Layout): string[] {
  return existsSync(holds) ? readdirSync(holds).filter((name) => name.endsWith('.hold')) : [];
}

/** Together the two read everything and sign: they must not lie together. */
function checkApart({ directory, tokenDirectory, paths }: BackupPlan): void {
  if (tokenDirectory === undefined) return;
  const [a, b] = [`${resolve(directory)}/`, `${resolve(tokenDirectory)}/`];
  if (a.startsWith(b) || b.startsWith(a)) {
    throw new Refused('backup.token-beside', 'the token would lie beside what it opens', { why: `${b} and ${a} are one place`, fix: 'name a directory that others hold, on another disk' });
  }
  if (statSync(join(paths.keysToken, 'token'), { throwIfNoEntry: false }) !== undefined) return;
  throw new Refused('backup.external-token', 'the keys are not in an embedded token', { why: `${join(paths.keysToken, 'token')} is not there`, fix: "leave --with-token out, and use your HSM's own backup" });
}

/** Another log's segments may have the same numbers. */
function baseOf({ base, keys }: BackupPlan): Base | null {
  if (base === undefined) return null;
  const manifest = readManifest(base);
  if (manifest.origin === keys.name) return { directory: resolve(base), manifest };
  throw new Refused('backup.other-log', `${base} is a backup of another log`, { why: `of ${manifest.origin}; this home has ${keys.name}`, fix: 'leave --base out' });
}

/** A file that went meanwhile, by a destruction or because it never was, is not missed. */
function copyIfThere(target: BackupTarget, from: string, to: string): void {
  const bytes = readOr(from);
  if (bytes !== null) target.write(to, bytes);
}

/** Digests of closed segments, as far as this backup has them whole. */
function coveredChecksums(path: string, files: readonly BackupFile[]): string {
  const lengths = new Map<string, number>();
  for (const { path: name, bytes } of files) {
    const part = name.startsWith('store/segments/') ? parsePartName(name.slice('store/segments/'.length)) : null;
    if (part !== null) lengths.set(part.segment, Math.max(lengths.get(part.segment) ?? 0, part.offset + bytes));
  }
  const lines = (readOr(path)?.toString() ?? '').split(/(?<=\n)/).filter((line) => line.endsWith('\n'));
  return lines.filter((line) => {
    const [, segment = '', length = ''] = line.trimEnd().split('  ');
    return Number(length) <= (lengths.get(segment) ?? -1);
  }).join('');
}

/** Files of a token that is in use: taken again when they changed meanwhile. */
function copyToken(paths: Layout, directory: string): void {
  for (let attempt = 0; attempt < TOKEN_ATTEMPTS; attempt += 1) {
    const before = tokenFiles(paths.keysToken);
    const after = tokenFiles(paths.keysToken);
    if (before.size !== after.size || [...before].some(([path, bytes]) => after.get(path)?.equals(bytes) !== true)) continue;
    const target = new BackupTarget(directory, paths.home, null);
    for (const [path, bytes] of before) target.write(path, bytes);
    target.sync();
    return;
  }
  throw new Failed('backup.token', 'the token changes while it is copied', { why: `seen ${TOKEN_ATTEMPTS} times`, fix: 'repeat the command' });
}

function tokenFiles(directory: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const name of ['pin', 'so-pin']) found.set(name, readFileSync(join(directory, name)));
  for (const entry of readdirSync(join(directory, 'token'), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !entry.name.endsWith('.lock')) found.set(path.slice(directory.length + 1), readFileSync(path));
  }
  return found;
}

function readOr(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

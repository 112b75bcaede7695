// SPDX-License-Identifier: Apache-2.0
// A clone under /root, or in a 0700 directory, is out of reach for services with users of their own. They see it through
// bind mounts under /run/strongroom-<id>, inside a mount namespace of ours: nobody else's view of the machine changes, and
// the mounts vanish with the last process.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeDirectory } from './directory.ts';
import type { Place } from './place.ts';

const OTHERS_SEARCH = 0o001;
const CODE_PARTS = ['apps', 'libs', 'node_modules', 'package.json'];
const HOME_PARTS = ['store', 'secrets', 'state', 'run'];

/** The first directory on the way to one of the paths which other users may not search, or null. */
export function unreachable(paths: readonly string[]): string | null {
  for (const path of paths) {
    for (const directory of ancestors(path)) {
      const facts = statSync(directory, { throwIfNoEntry: false });
      if (facts?.isDirectory() === true && (facts.mode & OTHERS_SEARCH) === 0) return directory;
    }
  }
  return null;
}

/** A path and all directories above it, topmost first. */
function ancestors(path: string): string[] {
  const all = [resolve(path)];
  while (dirname(all[0]!) !== all[0]) all.unshift(dirname(all[0]!));
  return all;
}

/** Mount point for a home: the same at every start. */
export function viewDirectory(home: string): string {
  return `/run/strongroom-${createHash('sha256').update(resolve(home)).digest('hex').slice(0, 8)}`;
}

/** Code and home as services reach them. */
export function seenByServices(place: Place): { readonly code: string; readonly home: string } {
  return place.view === null ? place : { code: join(place.view, 'code'), home: join(place.view, 'home') };
}

/** One of our paths below code or home, as services reach it. */
export function asSeen(place: Place, path: string): string {
  const seen = seenByServices(place);
  for (const [ours, theirs] of [[place.home, seen.home], [place.code, seen.code]] as const) {
    if (path === ours || path.startsWith(`${ours}/`)) return theirs + path.slice(ours.length);
  }
  return path;
}

/** A path that a service named, as we reach it. */
export function asOurs(place: Place, path: string): string {
  const seen = seenByServices(place);
  return path.startsWith(`${seen.home}/`) ? place.home + path.slice(seen.home.length) : path;
}

/**
 * Makes the mounts; we are in a namespace of our own, hold the home's lock, and its tree exists. Throws what `mount`
 * says. Returns what takes the mounts and the mount point away again. Nobody else may do that: removing the directory
 * takes it from every namespace.
 */
export function mountView(place: Place): () => void {
  if (place.view === null) return () => undefined;
  const { view } = place;
  makeDirectory(view);
  run('mount', '-t', 'tmpfs', '-o', 'mode=0755,size=64k,nosuid,nodev', 'strongroom', view);
  const seen = seenByServices(place);
  bind(place.code, seen.code, CODE_PARTS);
  bind(place.home, seen.home, HOME_PARTS);
  return () => unmount(view);
}

function bind(from: string, to: string, parts: readonly string[]): void {
  mkdirSync(to, { mode: 0o755 });
  for (const part of parts.filter((name) => existsSync(join(from, name)))) {
    if (statSync(join(from, part)).isDirectory()) mkdirSync(join(to, part));
    else run('touch', join(to, part));
    run('mount', '--bind', join(from, part), join(to, part));
  }
}

/** What is still in use vanishes with its user. */
function unmount(view: string): void {
  try {
    run('umount', '--recursive', '--lazy', view);
    rmdirSync(view);
  } catch {
    // An empty directory below /run does no harm, and a mount ends with our namespace.
  }
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

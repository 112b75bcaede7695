// SPDX-License-Identifier: Apache-2.0
// Room, inodes, the right to write, and flags, wherever something is kept.
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync, type StatsFs } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { bytes, count } from '../../quantity.ts';
import { check, type Say } from '../check.ts';
import { word } from '../shell.ts';
import type { Patient } from '../patient.ts';

/** Where there is no limit of its own: enough for a key, a state file and its replacement. */
const SMALL_BYTES = 1024 * 1024;
const INODES_MIN = 256;
/** Below this share, or this many times what must stay free, it is time to think of it. */
const NEARLY_SHARE = 0.05;
const NEARLY_TIMES = 4;
const LSATTR_MS_MAX = 5000;

const CODES = {
  'disk.full': { severity: 'bad', seen: 'less room than must stay free, where something is kept', why: 'the vault acknowledges nothing that it cannot write, and goes on by itself when there is room' },
  'disk.inodes': { severity: 'bad', seen: 'no inodes left, where something is kept', why: 'no file can be made, though there is room: no segment, no state' },
  'disk.nearly-full': { severity: 'weak', seen: 'soon less room than must stay free', why: 'when it is full nothing is acknowledged any more' },
  'disk.read-only': { severity: 'bad', seen: 'a file system that must be written to is mounted read-only', why: 'a kernel that finds a broken file system makes it so; nothing can be sealed' },
  'disk.flags': { severity: 'weak', seen: 'the file system of the segments has no append-only and immutable flags', why: 'a slip of root can alter or delete segments; the proof shows it, nothing prevents it' },
} as const;
type Code = keyof typeof CODES;

interface Volume {
  readonly path: string;
  readonly names: string[];
  readonly neededBytes: number;
  readonly facts: StatsFs;
}

export const diskCheck = check({
  name: 'disk',
  codes: CODES,
  look(patient, say: Say<Code>) {
    for (const volume of volumesOf(patient)) {
      judgeRoom(volume, say);
      if (isReadOnly(volume.path, patient.machine.proc)) {
        say.found('disk.read-only', { what: `the file system of ${volume.names.join(', ')} (${volume.path}) is read-only`, fix: `dmesg | tail -n 50 (why; then: mount -o remount,rw ${word(mountOf(volume.path, patient.machine.proc)?.point ?? volume.path)})`, evidence: { path: volume.path } });
      }
    }
    judgeFlags(patient, say);
  },
});

/** Each file system once, with the most that must stay free there. */
function volumesOf({ paths, config }: Patient): Volume[] {
  const minFreeBytes = config?.vault.minFreeBytes ?? SMALL_BYTES;
  const wanted: readonly (readonly [string, string, number])[] = [
    ['store', paths.store, minFreeBytes], ['secrets', paths.secrets, SMALL_BYTES], ['state', paths.state, SMALL_BYTES], ['run', paths.run, 65_536],
    ...(config?.vault.checksums === undefined ? [] : [['checksums', config.vault.checksums, SMALL_BYTES] as const]),
  ];
  const found = new Map<number, Volume>();
  for (const [name, path, neededBytes] of wanted) {
    const there = existing(path);
    const device = statSync(there).dev;
    const known = found.get(device);
    found.set(device, {
      path: known?.path ?? there, names: [...known?.names ?? [], name], neededBytes: Math.max(known?.neededBytes ?? 0, neededBytes), facts: known?.facts ?? statfsSync(there),
    });
  }
  return [...found.values()];
}

function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existing(dirname(path));
}

function judgeRoom({ path, names, neededBytes, facts: { bsize, blocks, bavail, files, ffree } }: Volume, say: Say<Code>): void {
  const [freeBytes, totalBytes] = [bavail * bsize, blocks * bsize];
  const evidence = { path, freeBytes, totalBytes, neededBytes, inodesFree: ffree, inodes: files };
  const where = `${names.join(', ')} (${path})`;
  const fix = `df -h ${word(path)} (move foreign files and old snapshots, or grow it; delete nothing in store/)`;
  if (freeBytes < neededBytes) say.found('disk.full', { what: `${bytes(freeBytes)} are free for ${where}, and ${bytes(neededBytes)} must stay free`, fix, evidence });
  else if (freeBytes < neededBytes * NEARLY_TIMES || freeBytes < totalBytes * NEARLY_SHARE) say.found('disk.nearly-full', { what: `${bytes(freeBytes)} of ${bytes(totalBytes)} are free for ${where}`, fix, evidence });
  // Some file systems make inodes as they need them, and say 0 of 0.
  if (files > 0 && ffree < INODES_MIN) say.found('disk.inodes', { what: `${count(ffree)} of ${count(files)} inodes are free for ${where}`, fix: `df -i ${word(path)} (find what holds so many small files: du --inodes -x ${word(path)} | sort -n | tail)`, evidence });
}

interface Mount {
  readonly point: string;
  readonly options: readonly string[];
}

/** The mount that a path lies on: the last one with the longest point. */
function mountOf(path: string, proc: string): Mount | undefined {
  const lines = readFileSync(`${proc}/self/mounts`, 'utf8').split('\n').map((line) => line.split(' '));
  const on = lines.map(([, point = '', , options = '']) => ({ point: point.replaceAll('\\040', ' '), options: options.split(',') }))
    .filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`));
  return on.toSorted((a, b) => a.point.length - b.point.length).at(-1);
}

function isReadOnly(path: string, proc: string): boolean {
  return mountOf(path, proc)?.options.includes('ro') === true;
}

/** While it runs the vault has tried; else the file system is asked for flags, which it has or does not have. */
function judgeFlags({ status, paths }: Patient, say: Say<Code>): void {
  const reason = status?.worm?.reason ?? null;
  if (reason !== null && status?.separation.kind === 'nominal') return say.unseen('only root may set flags, and Strongroom was not started by root', 'disk.flags');
  if (!mayLook(existing(paths.segments))) return say.unseen('the segments may not be looked at by you: run it as root', 'disk.flags');
  const { status: code, error } = spawnSync('lsattr', ['-d', '--', existing(paths.segments)], { stdio: 'ignore', timeout: LSATTR_MS_MAX });
  if (error !== undefined) return say.unseen('there is no lsattr (package e2fsprogs)', 'disk.flags');
  if (reason === null && code === 0) return;
  say.found('disk.flags', {
    what: `segments in ${paths.segments} are not held immutable: ${reason ?? 'the file system has no such flags'}`,
    fix: `findmnt -T ${word(existing(paths.segments))} (put the home on ext4, XFS or Btrfs: restore a backup there)`, evidence: { path: paths.segments },
  });
}

function mayLook(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

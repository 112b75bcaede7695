// SPDX-License-Identifier: Apache-2.0
// Debian packages that tests use without installing them: downloaded, unpacked aside, kept between runs.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';

const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/strongroom-peers');
/** Only so that a hung download ends with its output. */
const PATIENCE_MS = 120_000;

/** The directory that holds the package's files, and those of what this machine lacks of its dependencies. Throws `Failed('package.unpack')`. */
export function unpackedPackage(name: string): string {
  return unpackedOnce(name, (directory) => [name, ...missingDependencies(name, directory)]);
}

/** The package alone, whatever it depends on. Throws `Failed('package.unpack')`. */
export function unpackedAlone(name: string): string {
  return unpackedOnce(name, () => [name]);
}

/** In which programs of an unpacked package find its libraries. */
export function unpackedEnvironment(root: string): NodeJS.ProcessEnv {
  return { ...process.env, LD_LIBRARY_PATH: globSync('{lib,usr/lib}{,/*-linux-*}', { cwd: root }).map((directory) => join(root, directory)).join(':') };
}

/** It is renamed into place when it is whole: another test may be at it, and an interrupted one leaves nothing half. */
function unpackedOnce(name: string, wanted: (directory: string) => readonly string[]): string {
  const root = join(CACHE, name);
  if (existsSync(root)) return root;
  mkdirSync(CACHE, { recursive: true });
  const directory = mkdtempSync(join(CACHE, 'unpacking-'));
  try {
    runCommand(['apt-get', 'download', '-qq', '-o', 'APT::Sandbox::User=root', ...wanted(directory)], directory);
    for (const archive of globSync('*.deb', { cwd: directory })) runCommand(['dpkg-deb', '-x', archive, 'root'], directory);
    renameSync(join(directory, 'root'), root);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error; // another was first
  } finally {
    rmSync(directory, { recursive: true });
  }
  return root;
}

/** Newer versions of what is installed are left alone. */
function missingDependencies(name: string, directory: string): string[] {
  const simulated = runCommand(['apt-get', 'install', '--simulate', '--no-install-recommends', name], directory);
  return [...new Set([...simulated.matchAll(/^Inst (\S+) \(/gm)].map(([, found]) => found!))].filter((found) => found !== name);
}

/** What a command prints. Throws `Failed('package.unpack')` with what it complains of. */
export function runCommand([command = '', ...args]: readonly string[], cwd: string, env = process.env): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env: { ...env, LC_ALL: 'C' }, encoding: 'utf8', timeout: PATIENCE_MS });
  if (status === 0) return stdout;
  const why = `${command}: ${error?.message ?? (stderr.trim().replaceAll('\n', '; ') || `exit code ${status}`)}`;
  throw new Failed('package.unpack', 'a Debian package cannot be had aside', { why, fix: 'make "apt-get download" work' });
}

/** Why what `have` needs is not to be had on this machine, or null. */
export function missingOnMachine(have: () => unknown): string | null {
  try {
    have();
    return null;
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return `machine: ${error.message}: ${error.why ?? ''}`;
  }
}

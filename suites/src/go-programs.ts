// SPDX-License-Identifier: Apache-2.0
// Programs that we did not write, built once with Go into a cache outside the sources. The Go command takes their modules
// from wherever it is set to; go.sum and its checksum database hold them to their hashes.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, '../outside');
export const CACHE = join(import.meta.dirname, '../../node_modules/.cache/outside-verifiers');

/** Why they cannot be had here, or undefined. */
export function withoutGo(): string | undefined {
  return spawnSync('go', ['version']).status === 0 ? undefined : 'machine: there is no Go to build it with';
}

/** The drivers of `suites/outside`, into {@link CACHE}. Throws with what Go said. */
export function buildDrivers(...names: readonly string[]): void {
  mkdirSync(CACHE, { recursive: true });
  go(['build', '-buildvcs=false', '-trimpath', '-o', `${CACHE}/`, ...names.map((name) => `./${name}`)], {});
}

/** The path of a command as its authors published it, `module/path/name@v1.2.3`. Throws with what Go said. */
export function goProgram(published: string): string {
  const [name = '', version = ''] = published.slice(published.lastIndexOf('/') + 1).split('@');
  const program = join(CACHE, `${name}-${version}`);
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  go(['install', '-trimpath', published], { GOBIN: CACHE });
  renameSync(join(CACHE, name), program);
  return program;
}

function go(args: readonly string[], environment: Readonly<Record<string, string>>): void {
  const { status, stderr } = spawnSync('go', args, { cwd: SOURCES, env: { ...process.env, ...environment }, encoding: 'utf8' });
  if (status !== 0) throw new Error(`go ${args.join(' ')}: ${stderr}`);
}

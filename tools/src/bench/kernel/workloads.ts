// SPDX-License-Identifier: Apache-2.0
// What is done while the origins watch. Each says how long it took by itself, so that it can be compared with nobody watching.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { unpackedPackage } from '@strongroom/testing';

export const STEADY_RATE = 5000;
/** At once, so that both processors have something to do. */
const SHELLS = 2;
const SOURCES = 16;
/** A few seconds. */
const STRESS = ['--fork', '1', '--fork-ops', '800', '--dentry', '1', '--dentry-ops', '4000', '--sock', '1', '--sock-ops', '150', '--timeout', '60'];

export interface Workload {
  readonly name: 'quiet' | 'stress' | 'compile' | 'steady' | 'exec';
  readonly title: string;
  /** Why it cannot be done here; null: it can. */
  readonly missing: string | null;
  /** Seconds that it took. `directory` is watched. */
  run(directory: string): Promise<number>;
}

export function workloads(seconds: number, execs: number): readonly Workload[] {
  return [
    atRest(seconds * 4),
    { name: 'stress', title: `stress-ng ${STRESS.slice(0, -2).join(' ')}`, missing: stressMissing(), run: stress },
    { name: 'compile', title: `gcc compiles ${SOURCES} small C files`, missing: spawnSync('gcc', ['--version']).status === 0 ? null : 'gcc is not here', run: compile },
    { name: 'steady', title: `${STEADY_RATE.toLocaleString('en')} file operations/s for ${seconds * 2} s: made, mode, renamed, mode, removed`, missing: null, run: (directory) => steady(directory, seconds * 2) },
    { name: 'exec', title: `${execs.toLocaleString('en')} times /bin/true in ${SHELLS} shells, as fast as it goes`, missing: null, run: () => storm(execs) },
  ];
}

export function atRest(seconds: number): Workload {
  return { name: 'quiet', title: `A quiet host for ${seconds} s`, missing: null, run: async () => { await delay(seconds * 1000); return seconds; } };
}

/** File operations in `directory` at {@link STEADY_RATE}; returns the seconds that they took by themselves. */
export async function steady(directory: string, seconds: number): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'file-operations.ts'), directory, String(STEADY_RATE), String(seconds)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = (await child.stdout.setEncoding('utf8').toArray()).join('');
  return (JSON.parse(output) as { busySeconds: number }).busySeconds;
}

/** So many execs as fast as the host makes them. */
export async function storm(execs: number): Promise<number> {
  const loop = 'i=0; while [ $i -lt "$1" ]; do /bin/true; i=$((i + 1)); done';
  return timed(() => Promise.all(Array.from({ length: SHELLS }, () => ended(['sh', '-c', loop, 'sh', String(Math.round(execs / SHELLS))]))));
}

async function compile(directory: string): Promise<number> {
  const project = join(directory, 'project');
  mkdirSync(project);
  for (let i = 0; i < SOURCES; i += 1) {
    writeFileSync(join(project, `part${i}.c`), `#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint part${i}(int n) { char text[64]; snprintf(text, sizeof text, "%d", n); return (int)strlen(text) + atoi(text); }\n`);
  }
  const seconds = await timed(() => ended(['sh', '-c', 'for file in *.c; do gcc -O1 -c "$file" || exit 1; done; ar cr all.a *.o'], project));
  rmSync(project, { recursive: true });
  return seconds;
}

function stressMissing(): string | null {
  try {
    unpackedPackage('stress-ng');
    return null;
  } catch (error) {
    return error instanceof Failed ? error.why ?? error.message : String(error);
  }
}

async function stress(directory: string): Promise<number> {
  const root = unpackedPackage('stress-ng');
  const libraries = ['lib', 'usr/lib'].map((name) => join(root, name)).flatMap((name) => [name, ...foldersIn(name)]);
  const environment = { ...process.env, LD_LIBRARY_PATH: libraries.join(':') };
  return timed(() => ended([join(root, 'usr/bin/stress-ng'), '-q', '--temp-path', directory, ...STRESS], directory, environment));
}

function foldersIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.includes('-linux-')).map((name) => join(directory, name));
  } catch {
    return []; // this package has no such
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}

async function ended([command = '', ...args]: readonly string[], cwd?: string, env?: NodeJS.ProcessEnv): Promise<void> {
  const [code] = await once(spawn(command, args, { stdio: 'ignore', ...(cwd === undefined ? {} : { cwd }), ...(env === undefined ? {} : { env }) }), 'exit') as [number | null];
  if (code !== 0) throw new Failed('bench.kernel', `${command} ended with ${code}`);
}

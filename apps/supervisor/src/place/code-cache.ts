// SPDX-License-Identifier: Apache-2.0
// Node keeps the compiler that erases types, 40 MB, in a process that had to use it. So each program's code is compiled
// once, by a process that ends, into Node's compile cache; services start from there. Only the supervisor's user may
// write the cache: what a service could write there, another would run.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WARM_TIMEOUT_MS = 60_000;
const STAMPS_MAX = 32;

/**
 * Whether `part` must be compiled: its stamp is missing. After many changes of sources the cache is emptied, so it stays
 * bounded. Afterwards the stamp is there.
 */
export function refreshCodeCache(cache: string, code: string, part: string): boolean {
  const current = fingerprint(code);
  const stamp = join(cache, `${part}-${current}.stamp`);
  if (existsSync(stamp)) return false;
  if (readdirSync(cache).filter((name) => name.endsWith('.stamp')).length >= STAMPS_MAX) {
    rmSync(cache, { recursive: true, force: true });
    mkdirSync(cache, { mode: 0o755 });
  }
  writeFileSync(stamp, '');
  return true;
}

export interface Program {
  readonly file: string;
  /** Node's flags as they will be: V8's part of them decides whether cached code fits. */
  readonly flags: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** Has programs loaded, one after the other, each in a process that ends at once. What fails here is told by the real start. */
export async function warm(cache: string, programs: readonly Program[]): Promise<void> {
  for (const { file, flags, environment } of programs) {
    const child = spawn(process.execPath, [...flags, file], {
      env: { PATH: process.env['PATH'] ?? '', ...environment, NODE_COMPILE_CACHE: cache }, stdio: 'ignore', timeout: WARM_TIMEOUT_MS,
    });
    await new Promise<void>((resolve) => { child.once('exit', () => resolve()).once('error', () => resolve()); });
  }
}

/**
 * Lets other users read what was compiled. Node keeps a folder for each user, named `…-<uid>`: theirs become links to ours.
 */
export function shareCodeCache(cache: string, ours: number, uids: readonly number[]): void {
  chmodSync(cache, 0o755);
  for (const folder of readdirSync(cache).filter((name) => name.endsWith(`-${ours}`))) {
    chmodSync(join(cache, folder), 0o755);
    for (const file of readdirSync(join(cache, folder))) chmodSync(join(cache, folder, file), 0o644);
    for (const uid of uids.filter((one) => one !== ours)) {
      const link = join(cache, folder.slice(0, -String(ours).length) + uid);
      if (!existsSync(link)) symlinkSync(folder, link);
    }
  }
}

/** Changes when any source of ours, or Node, does. */
function fingerprint(code: string): string {
  const facts = [process.version];
  for (const top of ['apps', 'libs']) {
    for (const name of readdirSync(join(code, top))) {
      const sources = join(code, top, name, 'src');
      if (!existsSync(sources)) continue;
      for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
        const { size, mtimeMs } = statSync(join(sources, file));
        facts.push(`${top}/${name}/${file} ${size} ${mtimeMs}`);
      }
    }
  }
  return createHash('sha256').update(facts.join('\n')).digest('hex').slice(0, 16);
}

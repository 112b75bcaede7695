// SPDX-License-Identifier: Apache-2.0
// One supervisor for a home. The lock is flock(2) on an open file that services inherit, so it is free only when the last
// process of an earlier run is gone, however it ended: the kernel lets go of it, no file has to be believed.
import { spawnSync } from 'node:child_process';
import { fchownSync, openSync, readFileSync, rmSync, writeFileSync, type PathLike } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed, Refused } from '@strongroom/bytes';
import type { Layout } from '@strongroom/service';

/** How long services of a supervisor that was killed may take to stop in order. */
const LEFTOVERS_MS = 40_000;
const POLL_MS = 100;

export interface HomeLock {
  /** The locked descriptor: hand it to services. It is held as long as one of us lives. */
  readonly fd: number;
}

/**
 * Takes the lock and writes our process id. Waits for services that a killed supervisor left; `waiting` is told of that
 * once. Throws `Refused('supervisor.already-running')`, `Failed('supervisor.leftovers')`.
 */
export async function lockHome(paths: Layout, waiting: () => void): Promise<HomeLock> {
  const fd = openSync(paths.lock, 'a', 0o600);
  if (process.getuid?.() === 0) fchownSync(fd, 0, 0);
  const deadline = Date.now() + LEFTOVERS_MS;
  for (let told = false; !tryLock(fd); told = true) {
    const pid = livingSupervisor(paths.pidFile);
    if (pid !== null) throw alreadyRunning(paths.home, pid);
    if (Date.now() > deadline) {
      throw new Failed('supervisor.leftovers', `services of an earlier run still use ${paths.home}`, {
        why: `they did not stop within ${LEFTOVERS_MS / 1000} s`, fix: `see who they are with: fuser ${paths.lock}`,
      });
    }
    if (!told) waiting();
    await delay(POLL_MS);
  }
  rmSync(paths.pidFile, { force: true });
  writeFileSync(paths.pidFile, `${process.pid}\n`, { mode: 0o644 });
  process.once('exit', () => rmSync(paths.pidFile, { force: true }));
  return { fd };
}

/** flock(1) locks the open file behind descriptor 3, which is ours too: the lock stays when it ends. */
function tryLock(fd: number): boolean {
  const { status, error } = spawnSync('flock', ['--nonblock', '--exclusive', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  if (error !== undefined) {
    throw new Failed('supervisor.flock', 'the home cannot be locked', { why: error.message, fix: 'install util-linux, which has flock(1)' });
  }
  return status === 0;
}

/** The supervisor that a pid file names, if that process lives and is one. */
export function livingSupervisor(pidFile: PathLike): number | null {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return null;
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('apps/supervisor/') ? pid : null;
  } catch {
    return null;
  }
}

function alreadyRunning(home: string, pid: number): Refused {
  return new Refused('supervisor.already-running', 'Strongroom is already running here', {
    why: `process ${pid} is the supervisor of ${home}`,
    fix: `use it ("strongroom status"), stop it with: kill ${pid}, or set STRONGROOM_HOME to another directory`,
  });
}

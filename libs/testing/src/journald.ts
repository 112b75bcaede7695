// SPDX-License-Identifier: Apache-2.0
// The real systemd-journald beside the host's own: in a mount namespace with its own /run and /var/log, reading neither
// kernel messages nor audit records. Nothing of the host is touched. Root only.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';

const JOURNALD = ['/usr/lib/systemd/systemd-journald', '/lib/systemd/systemd-journald'].find((path) => existsSync(path));
const POLL_MS = 20;
const START_MS_MAX = 30_000;
/** A small journal, so that a test can fill it. */
const CONFIG = `[Journal]
Audit=
ReadKMsg=no
ForwardToSyslog=no
ForwardToWall=no
RateLimitIntervalSec=0
SystemMaxFileSize=2M
SystemMaxUse=8M
SystemKeepFree=1M
`;

/** Why no journald can be run here, or null. */
export function journaldMissing(): string | null {
  if (JOURNALD === undefined) return 'systemd-journald is not installed';
  if (process.getuid?.() !== 0) return 'a mount namespace needs root';
  const tried = spawnSync('unshare', ['--mount', 'true']);
  return tried.status === 0 ? null : 'no mount namespace can be made here';
}

export class Journald {
  /** The boot that entries are written in; set it before a start to pretend another one. */
  boot = randomUUID();
  readonly #home: string;
  #child: ChildProcess | undefined;

  /** `home`: an absolute path of a directory that is ours; it is made. */
  constructor(home: string) {
    this.#home = home;
    mkdirSync(join(home, 'log', 'journal'), { recursive: true });
  }

  /** Where the journal is kept on disk: what `journalctl --directory` takes. */
  get directory(): string {
    return join(this.#home, 'log', 'journal');
  }

  /** Starts, writing to disk, or at first to the runtime journal until {@link signal} `SIGUSR1`. Throws `Failed('journald.start')`. */
  async start(runtime = false): Promise<void> {
    const run = join(this.#home, 'run');
    rmSync(run, { recursive: true, force: true });
    mkdirSync(join(run, 'systemd', 'journal'), { recursive: true });
    mkdirSync(join(run, 'systemd', 'journald.conf.d'));
    writeFileSync(join(run, 'systemd', 'journald.conf.d', 'zz-test.conf'), CONFIG);
    if (!runtime) writeFileSync(join(run, 'systemd', 'journal', 'flushed'), '');
    writeFileSync(join(this.#home, 'boot'), `${this.boot}\n`);
    const script = 'mount --bind "$1/run" /run && mount --bind "$1/log" /var/log && mount --bind "$1/boot" /proc/sys/kernel/random/boot_id && exec "$2"';
    this.#child = spawn('unshare', ['--mount', '--net', '--propagation', 'private', 'sh', '-c', script, 'sh', this.#home, JOURNALD!], { stdio: 'ignore' });
    writeFileSync(join(this.#home, 'pid'), String(this.#child.pid));
    const deadline = performance.now() + START_MS_MAX;
    // It serves connections when it has opened its journal.
    while (!(await this.write([]).then(() => true, () => false))) {
      if (this.#child.exitCode !== null || performance.now() > deadline) throw new Failed('journald.start', 'systemd-journald did not start');
      await delay(POLL_MS);
    }
  }

  /** Writes lines as one service would that logs to its standard output. Resolves when journald has closed the connection. */
  async write(lines: readonly string[]): Promise<void> {
    const socket = connect(this.#socket);
    const header = ['strongroom-test', '', '6', '0', '0', '0', '0'];
    socket.end([...header, ...lines].map((line) => `${line}\n`).join(''));
    socket.resume();
    await once(socket, 'close');
  }

  /** `SIGUSR1` moves the runtime journal to disk, `SIGUSR2` rotates. */
  signal(name: 'SIGUSR1' | 'SIGUSR2'): void {
    this.#child?.kill(name);
  }

  /** Ends it, by `SIGKILL` without any order. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** A directory for `$PATH` with a `journalctl` that runs in the namespace of this journald, where its journal is the system's own. */
  commands(): string {
    const path = join(this.#home, 'bin');
    mkdirSync(path, { recursive: true });
    const real = spawnSync('sh', ['-c', 'command -v journalctl'], { encoding: 'utf8' }).stdout.trim();
    const script = `#!/bin/sh\nexec nsenter --target "$(cat '${join(this.#home, 'pid')}')" --mount '${real}' "$@"\n`;
    writeFileSync(join(path, 'journalctl'), script, { mode: 0o755 });
    return path;
  }

  get #socket(): string {
    return join(this.#home, 'run', 'systemd', 'journal', 'stdout');
  }
}

// SPDX-License-Identifier: Apache-2.0
// For tests: a real Docker engine from packages that are unpacked aside, in mount and network namespaces of its own, with all that
// it keeps in one directory. It can pull nothing: its image is one static busybox. What it leaves on the host is removed.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, existsSync, globSync, mkdirSync, openSync, readFileSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { missingOnMachine, unpackedEnvironment, unpackedPackage } from './unpacked-package.ts';

const BUSYBOX = '/bin/busybox';
const IMAGE = 'strongroom-busybox';
const PROGRAMS = ['sh', 'true', 'sleep'];
/** What dockerd and containerd make wherever they are told to keep their things. */
const ELSEWHERE = ['/etc/docker', '/opt/containerd', '/run/containerd', '/run/docker', '/var/lib/docker', '/var/lib/containerd'];
/** Only so that one that does not come up ends with its output. */
const PATIENCE_MS = 60_000;
const LOG_CHARACTERS = 600;

/** Why there can be none on this machine, or false. That it starts is another matter. */
export function dockerMissing(): string | false {
  if (process.getuid?.() !== 0) return 'machine: a Docker engine takes root';
  const other = ELSEWHERE.find((directory) => existsSync(directory));
  if (other !== undefined) return `machine: another engine seems to be here (${other})`;
  if (!existsSync(BUSYBOX)) return 'machine: busybox-static is not installed';
  return missingOnMachine(() => unpackedPackage('docker.io')) ?? false;
}

export class DockerEngine {
  readonly #directory: string;
  /** Of its containers, in each hierarchy. */
  readonly cgroup: string;
  readonly #environment: NodeJS.ProcessEnv;
  #daemon: ChildProcess | null = null;

  /** `directory`: must not exist; its name is that of a cgroup as well, so that all of ours are in one. */
  constructor(directory: string) {
    mkdirSync(directory);
    this.#directory = directory;
    this.cgroup = `${basename(directory)}/docker`;
    const root = unpackedPackage('docker.io');
    const environment = unpackedEnvironment(root);
    this.#environment = { ...environment, PATH: [join(root, 'usr/sbin'), join(root, 'usr/bin'), environment['PATH']].join(':'), DOCKER_HOST: `unix://${join(directory, 'socket')}` };
  }

  /** Resolves when it answers and has its image. Throws `Failed('docker.start')`: not every machine lets it run. */
  async start(): Promise<void> {
    const log = openSync(join(this.#directory, 'log'), 'w');
    const places = ['--data-root', 'data', '--exec-root', 'exec', '--pidfile', 'pid'].map((word) => (word.startsWith('-') ? word : join(this.#directory, word)));
    const nothing = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false', '--storage-driver=vfs', `--cgroup-parent=/${this.cgroup}`];
    this.#daemon = spawn('setpriv', ['--pdeathsig', 'TERM', 'unshare', '--mount', '--net', '--propagation', 'private', 'dockerd', '-H', this.#environment['DOCKER_HOST']!, ...places, ...nothing], {
      env: this.#environment, stdio: ['ignore', log, log],
    });
    closeSync(log);
    const deadline = Date.now() + PATIENCE_MS;
    while (this.#docker(['version']).status !== 0) {
      if (this.#daemon.exitCode !== null || Date.now() > deadline) throw this.#failed('dockerd did not come up');
      await delay(200);
    }
    this.#import();
  }

  /** What `docker ARGS` prints. Throws `Failed('docker.start')`. */
  docker(...args: readonly string[]): string {
    const { status, stdout, stderr } = this.#docker(args);
    if (status !== 0) throw this.#failed(`docker ${args[0]}: ${stderr.trim()}`);
    return stdout.trim();
  }

  /** Starts a container that lives until the engine is stopped. Returns its id. */
  container(): string {
    return this.docker('run', '--detach', '--network', 'none', IMAGE, '/bin/sleep', '3600');
  }

  /** Ends its containers and itself, and removes what it left. */
  async stop(): Promise<void> {
    if (this.#daemon !== null && this.#daemon.exitCode === null) {
      const all = this.#docker(['ps', '--quiet']).stdout.split('\n').filter((id) => id !== '');
      if (all.length > 0) this.#docker(['rm', '--force', ...all]);
      const ended = once(this.#daemon, 'exit');
      this.#daemon.kill('SIGTERM');
      await ended;
    }
    for (const name of [this.cgroup, dirname(this.cgroup)]) for (const group of globSync([`/sys/fs/cgroup/${name}`, `/sys/fs/cgroup/*/${name}`])) rmdirSync(group);
    for (const directory of [...ELSEWHERE, this.#directory]) rmSync(directory, { recursive: true, force: true });
  }

  #docker(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync('docker', args, { env: this.#environment, encoding: 'utf8' });
  }

  #import(): void {
    const root = join(this.#directory, 'root');
    mkdirSync(join(root, 'bin'), { recursive: true });
    copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
    for (const name of PROGRAMS) symlinkSync('busybox', join(root, 'bin', name));
    const { status, stderr } = spawnSync('sh', ['-c', 'tar -C "$0" -c . | docker import - "$1"', root, IMAGE], { env: this.#environment, encoding: 'utf8' });
    if (status !== 0) throw this.#failed(`an image was not imported: ${stderr}`);
  }

  #failed(what: string): Failed {
    return new Failed('docker.start', what, { why: readFileSync(join(this.#directory, 'log'), 'utf8').slice(-LOG_CHARACTERS) });
  }
}

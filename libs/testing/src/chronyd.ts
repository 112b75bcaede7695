// SPDX-License-Identifier: Apache-2.0
// Real chronyd processes on loopback addresses. All run with -x, so none sets this machine's clock; each serves time or asks others.
// Debian's package is unpacked aside, so no chronyd of the system is touched.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { spawnSync } from 'node:child_process';
import { StartedProgram } from './started-program.ts';
import { missingOnMachine, unpackedPackage } from './unpacked-package.ts';

const PACKAGE = 'chrony';
const POLL_MS = 50;

/** Why it cannot be had here, or null. */
export function chronyMissing(): string | null {
  if (process.getuid?.() !== 0) return 'machine: chronyd is started by root only';
  return missingOnMachine(() => unpackedPackage(PACKAGE));
}

/** chronyc of the unpacked package. */
export function chronycProgram(): string {
  return join(unpackedPackage(PACKAGE), 'usr/bin/chronyc');
}

export interface ChronydOptions {
  /** Where it serves time: a loopback address and a port. Without it it serves nobody. */
  readonly serve?: { readonly address: string; readonly port: number };
  /** Lines of its configuration beside, such as `server 127.0.0.2 port 11123` or `local stratum 1`. */
  readonly lines: readonly string[];
  /** Port for commands at 127.0.0.1; without it, only its socket takes them. */
  readonly commandPort?: number;
}

export class Chronyd implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'strongroom-chronyd-'));
  #program: StartedProgram;

  constructor(options: ChronydOptions) {
    const sockets = join(this.#directory, 'run');
    mkdirSync(sockets, { mode: 0o770 });
    const { serve, lines, commandPort } = options;
    writeFileSync(join(this.#directory, 'chrony.conf'), [
      ...(serve === undefined ? ['port 0'] : [`port ${serve.port}`, `bindaddress ${serve.address}`, 'allow']),
      `cmdport ${commandPort ?? 0}`, ...(commandPort === undefined ? [] : ['bindcmdaddress 127.0.0.1']),
      `bindcmdaddress ${this.socket}`, `pidfile ${join(this.#directory, 'pid')}`, ...lines, '',
    ].join('\n'));
    this.#program = this.#start();
  }

  get socket(): string {
    return join(this.#directory, 'run', 'chronyd.sock');
  }

  /** Resolves when it holds a time for true. */
  async synchronised(): Promise<void> {
    await this.#program.until(() => /,(Normal|Insert second|Delete second)$/m.test(this.ask('tracking')));
  }

  /** What chronyc prints. */
  ask(...command: readonly string[]): string {
    return spawnSync(chronycProgram(), ['-c', '-N', '-h', this.socket, ...command], { encoding: 'utf8' }).stdout;
  }

  /** It is gone, as when it crashed. */
  async kill(): Promise<void> {
    await this.#program.kill();
  }

  /** And back, knowing nothing. */
  again(): void {
    rmSync(join(this.#directory, 'pid'), { force: true });
    this.#program = this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.kill();
    await delay(POLL_MS);
    rmSync(this.#directory, { recursive: true });
  }

  #start(): StartedProgram {
    const file = join(unpackedPackage(PACKAGE), 'usr/sbin/chronyd');
    return new StartedProgram(file, ['-x', '-n', '-u', 'root', '-f', join(this.#directory, 'chrony.conf')]);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Two real ptp4l over a pair of virtual interfaces, each in a network namespace of its own: a master, and one that follows it. They stamp
// by software and run free, so none sets this machine's clock; as both read the same one, the true offset is 0.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { StartedProgram } from './started-program.ts';
import { missingOnMachine, unpackedPackage } from './unpacked-package.ts';

const PACKAGE = 'linuxptp';

/** Why a pair cannot be had here, or null. */
export function ptpMissing(): string | null {
  if (process.getuid?.() !== 0) return 'machine: network namespaces are made by root only';
  if (spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'ptp0', 'type', 'veth']).status !== 0) return 'machine: no pair of virtual interfaces can be made in a network namespace';
  return missingOnMachine(() => unpackedPackage(PACKAGE));
}

/** pmc of the unpacked package. */
export function pmcProgram(): string {
  return join(unpackedPackage(PACKAGE), 'usr/sbin/pmc');
}

export class PtpPair implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'strongroom-ptp-'));
  readonly #names = [0, 1].map((side) => `srptp${process.pid}${side}`);
  readonly #programs: StartedProgram[] = [];

  /** Throws `Failed('testing.ptp')` where the machine gives no interfaces. */
  constructor() {
    process.once('exit', this.#clear);
    const [a = '', b = ''] = this.#names;
    for (const name of this.#names) ip('netns', 'add', name);
    ip('link', 'add', 'ptp0', 'netns', a, 'type', 'veth', 'peer', 'name', 'ptp0', 'netns', b);
    this.#names.forEach((name, side) => {
      ip('-n', name, 'address', 'add', `10.97.0.${side + 1}/24`, 'dev', 'ptp0');
      ip('-n', name, 'link', 'set', 'ptp0', 'up');
      const intervals = ['logSyncInterval -3', 'logAnnounceInterval -3', 'logMinDelayReqInterval -3'];
      const role = side === 0 ? 'priority1 10' : 'slaveOnly 1';
      writeFileSync(this.#file(side), ['[global]', 'time_stamping software', 'free_running 1', `uds_address ${this.socket(side)}`, ...intervals, role, '[ptp0]', ''].join('\n'));
      this.#programs.push(this.#start(side));
    });
  }

  /** Of side 0, the master, or 1, which follows. */
  socket(side: number): string {
    return join(this.directory, `ptp4l-${side}`);
  }

  /** The master is gone. */
  async loseMaster(): Promise<void> {
    await this.#programs[0]!.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program.kill();
    process.off('exit', this.#clear);
    this.#clear();
  }

  /** Also where a test ends before it is done. */
  readonly #clear = (): void => {
    for (const name of this.#names) spawnSync('ip', ['netns', 'delete', name]);
    rmSync(this.directory, { recursive: true, force: true });
  };

  #file(side: number): string {
    return join(this.directory, `${side}.conf`);
  }

  #start(side: number): StartedProgram {
    return new StartedProgram('ip', ['netns', 'exec', this.#names[side]!, join(unpackedPackage(PACKAGE), 'usr/sbin/ptp4l'), '-f', this.#file(side), '-m']);
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Failed('testing.ptp', `ip ${args.join(' ')} failed`, { why: stderr });
}

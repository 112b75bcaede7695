// SPDX-License-Identifier: Apache-2.0
// Real ptp4l on a virtual network, each in a network namespace of its own: masters, the first of which is preferred, and one that follows.
// They stamp by software and run free, so none sets this machine's clock; as all read the same one, the true offset is 0.
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
  if (spawnSync('unshare', ['--net', 'sh', '-c', 'ip link add name bridge type bridge && ip link add name ptp0 type veth']).status !== 0) return 'machine: no virtual network can be made';
  return missingOnMachine(() => unpackedPackage(PACKAGE));
}

/** pmc of the unpacked package. */
export function pmcProgram(): string {
  return join(unpackedPackage(PACKAGE), 'usr/sbin/pmc');
}

export class PtpNetwork implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'strongroom-ptp-'));
  /** Of the masters, of who follows, and of the bridge between them. */
  readonly #names: readonly string[];
  readonly #programs: StartedProgram[] = [];
  readonly #follower: number;

  /** Throws `Failed('testing.ptp')` where the machine gives no interfaces. */
  constructor(masters = 1) {
    this.#follower = masters;
    this.#names = Array.from({ length: masters + 2 }, (_, member) => `srptp${process.pid}-${member}`);
    process.once('exit', this.#clear);
    const hub = this.#names.at(-1)!;
    for (const name of this.#names) ip('netns', 'add', name);
    ip('-n', hub, 'link', 'add', 'name', 'bridge', 'up', 'type', 'bridge', 'mcast_snooping', '0');
    this.#names.slice(0, -1).forEach((name, side) => {
      ip('link', 'add', 'ptp0', 'netns', name, 'type', 'veth', 'peer', 'name', `to${side}`, 'netns', hub);
      ip('-n', hub, 'link', 'set', `to${side}`, 'master', 'bridge', 'up');
      ip('-n', name, 'address', 'add', `10.97.0.${side + 1}/24`, 'dev', 'ptp0');
      ip('-n', name, 'link', 'set', 'ptp0', 'up');
      const intervals = ['logSyncInterval -3', 'logAnnounceInterval -3', 'logMinDelayReqInterval -3'];
      const role = side < masters ? `priority1 ${10 + side}` : 'slaveOnly 1';
      writeFileSync(this.#file(side), ['[global]', 'time_stamping software', 'free_running 1', `uds_address ${this.#socket(side)}`, ...intervals, role, '[ptp0]', ''].join('\n'));
      this.#programs.push(this.#start(side));
    });
  }

  /** Of who follows. */
  get socket(): string {
    return this.#socket(this.#follower);
  }

  /** A master is gone. */
  async loseMaster(master = 0): Promise<void> {
    await this.#programs[master]!.kill();
  }

  /** And back, or another life of it. */
  masterAgain(master = 0): void {
    this.#programs[master] = this.#start(master);
  }

  /** Whether all that who follows sends and gets is lost. */
  cut(isCut: boolean): void {
    ip('-n', this.#names.at(-1)!, 'link', 'set', `to${this.#follower}`, isCut ? 'down' : 'up');
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

  #socket(side: number): string {
    return join(this.directory, `ptp4l-${side}`);
  }

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

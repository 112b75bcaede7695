// SPDX-License-Identifier: Apache-2.0
// snmpsim from PyPI, kept aside: an agent that says whatever a data file says, by SNMPv3 as well.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartedProgram } from '../started-program.ts';
import { missingOnMachine, runCommand, unpackedAlone } from '../unpacked-package.ts';
import { freeUdpPort } from '../free-port.ts';
import { SNMP_USER } from './snmpd-process.ts';

const PACKAGES = ['snmpsim==1.2.2', 'pysmi==1.6.3', 'cryptography'];
const CACHE = join(import.meta.dirname, '../../../../node_modules/.cache/strongroom-peers');
const PYTHON = '/usr/bin/python3';

/** Why there can be no snmpsim here, for `skip`; false when there can. */
export function withoutSnmpsim(): string | false {
  return missingOnMachine(pythonPath) ?? false;
}

/** PYTHONPATH with all it needs. Throws `Failed('package.unpack')`. */
function pythonPath(): string {
  const gdbm = unpackedAlone('python3-gdbm');
  const directory = join(CACHE, 'snmpsim-1.2.2');
  if (!existsSync(directory)) {
    mkdirSync(CACHE, { recursive: true });
    const fresh = mkdtempSync(join(CACHE, 'unpacking-'));
    try {
      runCommand([PYTHON, '-m', 'pip', 'install', '--quiet', '--target', join(fresh, 'site'), ...PACKAGES], fresh);
      renameSync(join(fresh, 'site'), directory);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  const { stdout } = spawnSync(PYTHON, ['-c', 'import sys; print("python3.%d" % sys.version_info[1])'], { encoding: 'utf8' });
  return [directory, join(gdbm, 'usr/lib', stdout.trim(), 'lib-dynload')].join(':');
}

/** `oid|type|value` of snmpsim's data files. */
export type Recorded = readonly (readonly [oid: string, type: number, value: string | number])[];

/** Several devices of one process, each an engine with a port of its own: starting Python takes seconds. */
export class SnmpsimProcess implements AsyncDisposable {
  /** In the order of the devices. */
  readonly ports: readonly number[];
  readonly #directory = mkdtempSync(join(tmpdir(), 'strongroom-snmpsim-'));
  #program: StartedProgram | undefined;

  private constructor(ports: readonly number[]) {
    this.ports = ports;
  }

  /** Devices with just these objects, for SNMP_USER and, as `public`, for everybody. Throws `Failed('testing.program')`. */
  static async start(devices: readonly Recorded[]): Promise<SnmpsimProcess> {
    const simulator = new SnmpsimProcess(await Promise.all(devices.map(() => freeUdpPort())));
    mkdirSync(join(simulator.#directory, 'cache'));
    for (const part of ['', 'cache']) chmodSync(join(simulator.#directory, part), 0o777);
    devices.forEach((objects, at) => {
      const text = objects.toSorted(([one], [other]) => order(one, other)).map(([oid, type, value]) => `${oid}|${type}|${value}\n`).join('');
      mkdirSync(simulator.#data(at));
      for (const name of ['.snmprec', 'public.snmprec']) writeFileSync(join(simulator.#data(at), name), text);
    });
    await simulator.#start();
    return simulator;
  }

  #data(at: number): string {
    return join(this.#directory, `device-${at}`);
  }

  async #start(): Promise<void> {
    const path = pythonPath();
    const as = process.getuid?.() === 0 ? ['--process-user', 'nobody', '--process-group', 'nogroup'] : [];
    const engines = this.ports.flatMap((port, at) => [
      '--v3-engine-id', `80004fb805636c6f75644dab${(0x2200 + at).toString(16)}`, '--v3-user', SNMP_USER.user, '--v3-auth-key', SNMP_USER.authPassword, '--v3-auth-proto', 'SHA256',
      '--v3-priv-key', SNMP_USER.privPassword, '--v3-priv-proto', 'AES256', '--data-dir', this.#data(at), '--agent-udpv4-endpoint', `127.0.0.1:${port}`,
    ]);
    const program = new StartedProgram(PYTHON, [join(path.split(':')[0]!, 'bin/snmpsim-command-responder'), ...as, '--cache-dir', join(this.#directory, 'cache'), ...engines],
      { env: { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: '1' }, cwd: this.#directory });
    this.#program = program;
    await program.until(() => program.said.split('Listening at').length > this.ports.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function order(one: string, other: string): number {
  const [a, b] = [one.split('.').map(Number), other.split('.').map(Number)];
  for (let at = 0; at < a.length && at < b.length; at++) if (a[at] !== b[at]) return a[at]! - b[at]!;
  return a.length - b.length;
}

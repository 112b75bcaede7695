// SPDX-License-Identifier: Apache-2.0
// Debian's snmpd, unpacked aside, on a port of its own: an SNMP agent that is not ours.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeUdpPort } from '../free-port.ts';
import { StartedProgram } from '../started-program.ts';
import { missingOnMachine, unpackedPackage } from '../unpacked-package.ts';

export const SNMP_USER = { user: 'monitor', authProtocol: 'sha256', authPassword: 'first long password', privProtocol: 'aes256b', privPassword: 'second long password' } as const;

/** Why there can be no snmpd here, for `skip`; false when there can. */
export function withoutSnmpd(): string | false {
  return missingOnMachine(() => ['snmpd', 'snmp'].map(unpackedPackage)) ?? false;
}

/** A program of one of both packages, and the environment that it needs. */
export function snmpProgram(name: 'snmpd' | 'snmptrap' | 'snmpget'): { readonly file: string; readonly env: NodeJS.ProcessEnv } {
  const root = unpackedPackage(name === 'snmpd' ? 'snmpd' : 'snmp');
  const file = ['usr/sbin', 'usr/bin'].map((directory) => join(root, directory, name)).find((path) => existsSync(path)) ?? name;
  const libraries = ['usr/lib', 'lib'].map((directory) => join(root, directory, process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'));
  return { file, env: { ...process.env, LD_LIBRARY_PATH: libraries.join(':'), MIBS: '' } };
}

export class SnmpdProcess implements AsyncDisposable {
  readonly port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'strongroom-snmpd-'));
  #program: StartedProgram | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  /** With {@link SNMP_USER} and the community `public`. Throws `Failed('testing.program')`. */
  static async start(more: readonly string[] = []): Promise<SnmpdProcess> {
    const agent = new SnmpdProcess(await freeUdpPort());
    writeFileSync(join(agent.#directory, 'agent.conf'), [
      `agentaddress udp:127.0.0.1:${agent.port}`, 'sysDescr a test agent', 'sysName rack-1', 'rocommunity public 127.0.0.1', `rouser ${SNMP_USER.user} authpriv`,
      `createUser ${SNMP_USER.user} SHA-256 "${SNMP_USER.authPassword}" AES-256 "${SNMP_USER.privPassword}"`,
      'createUser other SHA-512 "first long password" AES "second long password"', 'rouser other authpriv', ...more, '',
    ].join('\n'));
    writeFileSync(join(agent.#directory, 'snmpd.conf'), '');
    await agent.boot();
    return agent;
  }

  /** Again after {@link halt}, as the same engine, with one boot more. */
  async boot(): Promise<void> {
    // With -C it reads what is named alone; snmpd.conf is where it keeps who it is and how often it booted.
    const { file, env } = snmpProgram('snmpd');
    const program = new StartedProgram(file, ['-f', '-Lo', '-C', '-c', `${join(this.#directory, 'agent.conf')},${join(this.#directory, 'snmpd.conf')}`, '-I', '-smux', '-p', join(this.#directory, 'pid')],
      { env: { ...env, SNMP_PERSISTENT_DIR: this.#directory }, cwd: this.#directory });
    this.#program = program;
    await program.until(() => program.said.includes('NET-SNMP version'));
  }

  /** Throws a TypeError where it does not run. */
  get pid(): number {
    return this.#program!.pid!;
  }

  /** SIGKILL, as when its power goes. */
  async halt(): Promise<void> {
    await this.#program?.kill();
  }

  /** What makes it hang, and go on: its process stops in the middle. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#program?.pid !== undefined) process.kill(this.#program.pid, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.halt();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

// SPDX-License-Identifier: Apache-2.0
// Many power distribution units that say the same: snmpd on as many ports, which answers from its own memory.
import { freeUdpPort } from '../free-port.ts';
import { SnmpdProcess } from './snmpd-process.ts';

const APC = '1.3.6.1.4.1.318.1.1.26';
const OUTLETS = 24;
const PHASES = 3;

/** snmpd takes no more addresses than this, and does not say so. */
const PORTS_MAX = 100;

export class PduFarm implements AsyncDisposable {
  readonly ports: readonly number[];
  readonly #agents: readonly SnmpdProcess[];

  private constructor(agents: readonly SnmpdProcess[], ports: readonly number[]) {
    this.#agents = agents;
    this.ports = ports;
  }

  /** Each of the family rPDU2, with three phases and 24 outlets. Throws `Failed('testing.program')`. */
  static async start(count: number): Promise<PduFarm> {
    const ports = new Set<number>();
    while (ports.size < count) ports.add(await freeUdpPort());
    const agents: SnmpdProcess[] = [];
    for (let at = 0; at < count; at += PORTS_MAX) {
      const own = [...ports].slice(at, at + PORTS_MAX);
      agents.push(await SnmpdProcess.start([...own.map((port) => `agentaddress udp:127.0.0.1:${port}`), 'sysObjectID .1.3.6.1.4.1.318.1.3.4.6', ...objects().map(([oid, type, value]) => `override .${oid} ${type} ${value}`)]));
    }
    return new PduFarm(agents, [...ports]);
  }

  get pids(): number[] {
    return this.#agents.map(({ pid }) => pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent[Symbol.asyncDispose]()));
  }
}

function numbered(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

function objects(): (readonly [oid: string, type: 'integer' | 'octet_str', value: string | number])[] {
  return [
    [`${APC}.4.3.1.3.1`, 'octet_str', 'rail'], [`${APC}.4.3.1.4.1`, 'integer', 2], [`${APC}.4.3.1.5.1`, 'integer', 57], [`${APC}.4.3.1.9.1`, 'integer', 1000], [`${APC}.4.3.1.16.1`, 'integer', 60], [`${APC}.4.3.1.17.1`, 'integer', 97],
    ...numbered(PHASES).flatMap((phase) => ([[`${APC}.6.3.1.3.${phase}`, 'integer', phase], [`${APC}.6.3.1.4.${phase}`, 'integer', 2], [`${APC}.6.3.1.5.${phase}`, 'integer', 28], [`${APC}.6.3.1.6.${phase}`, 'integer', 229 + phase], [`${APC}.6.3.1.7.${phase}`, 'integer', 19]] as const)),
    ...numbered(OUTLETS).flatMap((outlet) => ([[`${APC}.9.2.3.1.3.${outlet}`, 'octet_str', `web-${outlet}`], [`${APC}.9.2.3.1.5.${outlet}`, 'integer', 2]] as const)),
    [`${APC}.10.2.2.1.8.1`, 'integer', 243], [`${APC}.10.2.2.1.9.1`, 'integer', 4],
  ];
}

// SPDX-License-Identifier: Apache-2.0
// A power distribution unit whose values a test changes: snmpd, which hands questions below one root to a program that reads a file.
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SnmpdProcess, withoutSnmpd } from './snmpd-process.ts';

/** The protocol of `pass_persist`, snmpd.conf(5), over lines of `oid type value`. */
const PROGRAM = `
import sys
def order(oid): return [int(part) for part in oid.strip('.').split('.')]
def rows():
    with open(sys.argv[1]) as file: return [line.rstrip('\\n').split(' ', 2) for line in file if line.strip()]
def say(*lines):
    for line in lines: sys.stdout.write(line + '\\n')
    sys.stdout.flush()
while True:
    word = sys.stdin.readline()
    if not word: break
    word = word.strip()
    if word == 'PING': say('PONG')
    elif word in ('get', 'getnext'):
        asked = order(sys.stdin.readline())
        found = [row for row in rows() if (order(row[0]) == asked if word == 'get' else order(row[0]) > asked)]
        say(*(['.' + found[0][0], found[0][1], found[0][2]] if found else ['NONE']))
    elif word == 'set':
        sys.stdin.readline(); sys.stdin.readline(); say('not-writable')
`;

const PYTHON = '/usr/bin/python3';

/** Why there can be no such unit here, for `skip`; false when there can. */
export function withoutPdu(): string | false {
  return existsSync(PYTHON) ? withoutSnmpd() : 'there is no Python';
}

export type PduObject = readonly [oid: string, type: 'integer' | 'gauge' | 'counter' | 'string', value: string | number];

export class PduProcess implements AsyncDisposable {
  readonly agent: SnmpdProcess;
  readonly #directory: string;
  readonly #objects: Map<string, PduObject>;

  private constructor(agent: SnmpdProcess, directory: string, objects: readonly PduObject[]) {
    this.agent = agent;
    this.#directory = directory;
    this.#objects = new Map(objects.map((one) => [one[0], one]));
  }

  /** `root`: below which all of `objects` lie, in their order. Throws `Failed('testing.program')`. */
  static async start(system: string, root: string, objects: readonly PduObject[]): Promise<PduProcess> {
    const directory = mkdtempSync(join(tmpdir(), 'strongroom-pdu-'));
    writeFileSync(join(directory, 'pdu.py'), PROGRAM);
    writeFileSync(join(directory, 'objects'), textOf(objects));
    const agent = await SnmpdProcess.start([`sysObjectID .${system}`, `pass_persist .${root} ${PYTHON} ${join(directory, 'pdu.py')} ${join(directory, 'objects')}`]);
    return new PduProcess(agent, directory, objects);
  }

  get port(): number {
    return this.agent.port;
  }

  set(oid: string, value: string | number): void {
    const [, type] = this.#objects.get(oid)!;
    this.#objects.set(oid, [oid, type, value]);
    writeFileSync(join(this.#directory, 'objects.new'), textOf([...this.#objects.values()]));
    renameSync(join(this.#directory, 'objects.new'), join(this.#directory, 'objects'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function textOf(objects: readonly PduObject[]): string {
  return objects.map((one) => `${one.join(' ')}\n`).join('');
}

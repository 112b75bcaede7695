// SPDX-License-Identifier: Apache-2.0
// A collector of others, run in the foreground in a directory of its own. It is never a service of the host.
import { spawn, type ChildProcess } from 'node:child_process';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';

const START_PATIENCE_MS = 20_000;
const STOP_PATIENCE_MS = 10_000;
const POLL_MS = 50;
const OUTPUT_CHARACTERS = 4000;

export class PeerProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #output = '';

  private constructor(child: ChildProcess, exit: Promise<unknown>) {
    this.#child = child;
    this.pid = child.pid!;
    this.#exit = exit;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => { this.#output = (this.#output + text).slice(-OUTPUT_CHARACTERS); });
    }
  }

  /** Starts a program and resolves when it listens on all these loopback ports. Throws `Failed('bench.peer')`. */
  static async start(command: readonly string[], ports: readonly number[], environment: NodeJS.ProcessEnv = process.env): Promise<PeerProcess> {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const exit = new Promise((resolve) => { child.once('exit', resolve); child.once('error', resolve); });
    if (child.pid === undefined) throw new Failed('bench.peer', `${file} cannot be started`, { why: String(await exit) });
    const peer = new PeerProcess(child, exit);
    const deadline = Date.now() + START_PATIENCE_MS;
    for (const port of ports) {
      while (!(await accepts(port))) {
        const ended = child.exitCode !== null || child.signalCode !== null;
        if (ended || Date.now() > deadline) throw await peer.#failed(`${file} does not listen on port ${port}`);
        await delay(POLL_MS);
      }
    }
    return peer;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_PATIENCE_MS);
    await this.#exit;
    clearTimeout(late);
  }

  async #failed(what: string): Promise<Failed> {
    await this.stop();
    return new Failed('bench.peer', what, { why: this.#output });
  }
}

/** Loopback ports that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); })));
  return ports;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

// SPDX-License-Identifier: Apache-2.0
// For tests: strongroom-audit, built from its source as it is, and capture's end of its line.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { globSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, '../../probe');

/** Builds it at `path`. Why that cannot be done, or null. */
export function buildReader(path: string): string | null {
  const sources = globSync('audit*.c', { cwd: SOURCES });
  const { status, stderr, error } = spawnSync('gcc', ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', ...sources, '-o', path], { cwd: SOURCES, encoding: 'utf8' });
  return status === 0 ? null : `gcc: ${error?.message ?? stderr}`;
}

/** Calls `take` with each frame of whoever is connected, one at a time, and reads no faster than that resolves. */
export class FrameServer {
  readonly path: string;
  readonly #take: (kind: number, payload: Buffer) => Promise<void> | void;
  readonly #gone: () => void;
  #server: Server | null = null;
  #socket: Socket | null = null;

  constructor(path: string, take: (kind: number, payload: Buffer) => Promise<void> | void, gone: () => void) {
    this.path = path;
    this.#take = take;
    this.#gone = gone;
  }

  async listen(): Promise<void> {
    rmSync(this.path, { force: true });
    this.#server = createServer((socket) => void this.#read(socket)).listen(this.path);
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    this.#socket?.destroy();
    this.#server?.close();
    await Promise.resolve();
  }

  async #read(socket: Socket): Promise<void> {
    this.#socket = socket;
    let rest = Buffer.alloc(0);
    try {
      for await (const chunk of socket) {
        rest = Buffer.concat([rest, chunk as Buffer]);
        while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
          const length = rest.readUInt32BE(0);
          await this.#take(rest[4]!, rest.subarray(5, 4 + length));
          rest = rest.subarray(4 + length);
        }
      }
    } catch {
      // it was killed
    }
    this.#gone();
  }
}

export class AuditReader {
  readonly #child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  output = '';

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => { this.output += text; });
    this.ended = once(this.#child, 'exit').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

// SPDX-License-Identifier: Apache-2.0
// For tests: strongroom-audit, built from its source as it is.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, '../../probe');

/** Builds it at `path`. Why that cannot be done, or null. */
export function buildReader(path: string): string | null {
  const sources = globSync(['reader.c', 'audit/*.c'], { cwd: SOURCES });
  const { status, stderr, error } = spawnSync('gcc', ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', ...sources, '-o', path], { cwd: SOURCES, encoding: 'utf8' });
  return status === 0 ? null : `gcc: ${error?.message ?? stderr}`;
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

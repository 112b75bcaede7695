// SPDX-License-Identifier: Apache-2.0
// For tests: strongroom-probe as set-up built it, and what it needs to run here.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const PROGRAM = join(import.meta.dirname, '../../../../node_modules/.strongroom-native/strongroom-probe');

/** Why it cannot run here, or false. */
export function probeMissing(): string | false {
  if (process.getuid?.() !== 0) return 'loading a probe takes root';
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'this kernel has no type information';
  return existsSync(PROGRAM) ? false : 'strongroom-probe is not built (tools/setup/setup.sh)';
}

export class Probe {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  output = '';

  constructor(args: readonly string[]) {
    this.#child = spawn(PROGRAM, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => { this.output += text; });
    this.ended = once(this.#child, 'exit').then(([code]) => code as number | null);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    await this.ended;
  }
}

// SPDX-License-Identifier: Apache-2.0
// An act that a kernel tells of, and how it is done: each in a process of its own.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const RUNNER = join(import.meta.dirname, 'acts.py');
export const PYTHON = '/usr/bin/python3';
/** Who does it, and as whom: users that this machine need not have. */
export const LOGIN = 61_234;
export const STRANGER = 60_998;

/** What became of an act. */
export interface At {
  readonly pid: number;
  /** As waitpid tells it. */
  readonly status: number;
  readonly directory: string;
  /** What the act said. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export type Members = Readonly<Record<string, unknown>>;

export interface Act {
  readonly name: string;
  /** Python. */
  readonly code: string;
  /** Events that are to be found, by these members and those of `by`. */
  readonly ebpf: (at: At) => readonly Members[];
  /** What one audit event of the process must match; left out where the baseline has no rule for it. */
  readonly audit?: (at: At) => readonly RegExp[];
  /** False: this kernel cannot do it. */
  readonly needs?: (at: At) => boolean;
}

/** Does all of them in `directory`, one after the other. Throws when Python does. */
export function perform(acts: readonly Act[], directory: string): ReadonlyMap<string, At> {
  const { status, stdout, stderr } = spawnSync(PYTHON, [RUNNER, directory, String(LOGIN)], { input: JSON.stringify(acts.map(({ name, code }) => [name, code])), encoding: 'utf8', maxBuffer: 1 << 24 });
  if (status !== 0) throw new Error(`the acts ended with ${status}: ${stderr}`);
  return new Map(stdout.split('\n').filter((line) => line !== '').map((line) => {
    const { name, pid, status: end, facts } = JSON.parse(line) as { name: string; pid: number; status: number; facts: Members };
    return [name, { pid, status: end, directory, facts }];
  }));
}

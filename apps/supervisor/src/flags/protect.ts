// SPDX-License-Identifier: Apache-2.0
// `chattr +a` and `+i` on the vault's behalf: it lacks the right, we have it when we are root. One at a time. Both are taken
// away from a segment alone that an order of two custodians names.
import { execFile } from 'node:child_process';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { parsePartName } from '@strongroom/evidence';
import type { ProtectFlag } from '@strongroom/service';

const TIMEOUT_MS = 10_000;
const CHANGE: Readonly<Record<ProtectFlag, string>> = { append: '+a', immutable: '+i', none: '-ia' };

/** What came of it: null, or why not. */
export type Outcome = string | null;

export class Protector {
  readonly #store: string;
  readonly #root: boolean;
  readonly #mayDestroy: (segment: string) => boolean;
  #queue: Promise<unknown> = Promise.resolve();

  /** Only files below `store` are touched; `mayDestroy` tells whether a segment is to be destroyed. */
  constructor(store: string, mayDestroy: (segment: string) => boolean, root = process.getuid?.() === 0) {
    this.#mayDestroy = mayDestroy;
    this.#store = store;
    this.#root = root;
  }

  /** Sets a flag on a file. Never rejects. */
  protect(path: string, flag: ProtectFlag): Promise<Outcome> {
    const done = this.#queue.then(() => this.#protect(path, flag).catch((error: Error) => error.message));
    this.#queue = done;
    return done;
  }

  async #protect(path: string, flag: ProtectFlag): Promise<Outcome> {
    if (!this.#root) return 'only root may set it';
    // The vault is captured in the worst case: what it names must be a file of the store, not a link out of it.
    const store = await realpath(this.#store);
    if ((await realpath(path)) !== path || !path.startsWith(store + sep)) return 'it is no file of the store';
    if (!(await lstat(path)).isFile()) return 'it is no file';
    if (flag === 'none' && !this.#isCondemned(store, path)) return 'no approved order is to destroy it';
    return chattr(CHANGE[flag], path);
  }

  #isCondemned(store: string, path: string): boolean {
    const part = dirname(path) === join(store, 'segments') ? parsePartName(basename(path)) : null;
    return part !== null && this.#mayDestroy(part.segment);
  }
}

function chattr(change: string, path: string): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile('chattr', [change, '--', path], { timeout: TIMEOUT_MS }, (error, _, stderr) => {
      resolve(error === null ? null : (stderr.trim() || error.message));
    });
  });
}

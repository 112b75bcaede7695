// SPDX-License-Identifier: Apache-2.0
// secrets/keys/orders: which orders to destroy were begun here, and what was destroyed by them. A line each, only added:
//   begun <ISO time> <order id> <hexadecimal SHA-256 of the order's text>
//   destroyed <ISO time> <order id> <key id>
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LINE = /^(begun|destroyed) \S+ ([0-9a-f]{32}) (\S+)$/;

export interface BegunOrder {
  /** SHA-256 of its text, hexadecimal. */
  readonly digest: string;
  /** Key ids. */
  readonly destroyed: ReadonlySet<string>;
}

export class OrderLog {
  readonly #path: string;

  constructor(directory: string) {
    this.#path = join(directory, 'orders');
  }

  find(order: string): BegunOrder | undefined {
    let digest: string | undefined;
    const destroyed = new Set<string>();
    for (const [kind, , id, value] of this.#lines()) {
      if (id !== order) continue;
      if (kind === 'begun') digest ??= value;
      else destroyed.add(value);
    }
    return digest === undefined ? undefined : { digest, destroyed };
  }

  begun(order: string, digest: string): void {
    this.#add(`begun ${new Date().toISOString()} ${order} ${digest}`);
  }

  destroyed(order: string, keyId: string): void {
    this.#add(`destroyed ${new Date().toISOString()} ${order} ${keyId}`);
  }

  /** Kind, the whole, order, value of each; what a crash cut off is no line. */
  #lines(): [string, string, string, string][] {
    return textOf(this.#path).split('\n').flatMap((line) => {
      const match = LINE.exec(line);
      return match === null ? [] : [[match[1]!, line, match[2]!, match[3]!]];
    });
  }

  /** Durable when this returns, its name too. A line that a crash cut off is ended first. */
  #add(line: string): void {
    const isTorn = !/(^|\n)$/.test(textOf(this.#path));
    const file = openSync(this.#path, 'a', 0o600);
    try {
      writeSync(file, `${isTorn ? '\n' : ''}${line}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    const directory = openSync(dirname(this.#path), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

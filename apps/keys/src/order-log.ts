// SPDX-License-Identifier: Apache-2.0
// secrets/keys/orders: which orders to destroy were begun here, and what was destroyed by them. A line each, only added:
//   condemned <ISO time> <order id> <key id>        before the order is begun; counts once it is
//   begun <ISO time> <order id> <hexadecimal SHA-256 of the order's text>
//   destroyed <ISO time> <order id> <key id>
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LINE = /^(condemned|begun|destroyed) \S+ ([0-9a-f]{32}) (\S+)$/;

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
      else if (kind === 'destroyed') destroyed.add(value);
    }
    return digest === undefined ? undefined : { digest, destroyed };
  }

  /** Keys of orders that were begun: nothing is wrapped under them any more, whether the orders are carried out or not. */
  get condemned(): ReadonlySet<string> {
    const lines = this.#lines();
    const begun = new Set(lines.flatMap(([kind, , id]) => (kind === 'begun' ? [id] : [])));
    return new Set(lines.flatMap(([kind, , id, value]) => (kind === 'condemned' && begun.has(id) ? [value] : [])));
  }

  /** Its keys with it, in one write: where that is cut off, nothing was begun. */
  begun(order: string, digest: string, keys: readonly string[]): void {
    const now = new Date().toISOString();
    this.#add([...keys.map((keyId) => `condemned ${now} ${order} ${keyId}`), `begun ${now} ${order} ${digest}`].join('\n'));
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
      writeFileSync(file, `${isTorn ? '\n' : ''}${line}\n`);
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

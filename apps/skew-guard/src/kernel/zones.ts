// SPDX-License-Identifier: Apache-2.0
// Time zone data: nothing that is sealed depends on it, but what people are shown and what programs of this machine write does.
import { hash } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Say } from '../events.ts';

const LOCAL = 'etc/localtime';
const FILES = [LOCAL, 'usr/share/zoneinfo/tzdata.zi', 'usr/share/zoneinfo/leap-seconds.list'];
const LOOKS_BETWEEN = 60;
const FILE_BYTES_MAX = 4 * 1024 * 1024;

export class Zones {
  readonly #say: Say;
  readonly #root: string;
  #known: string | null = null;
  #looks = 0;

  /** `root`: below which this machine's files are. */
  constructor(say: Say, root = '/') {
    this.#say = say;
    this.#root = root;
  }

  /** Once in a minute, called once in a second. */
  look(): void {
    this.#looks += 1;
    if (this.#looks % LOOKS_BETWEEN !== 1) return;
    const [now, zone] = [FILES.map((file) => digestOf(join(this.#root, file))).join(' '), zoneName(join(this.#root, LOCAL))];
    if (this.#known !== null && now !== this.#known) this.#say('clock.zones-changed', { zone, before: this.#known, after: now });
    this.#known = now;
  }
}

function digestOf(path: string): string {
  try {
    const content = readFileSync(path);
    return content.length > FILE_BYTES_MAX ? 'too-long' : hash('sha256', content, 'hex').slice(0, 16);
  } catch {
    return '-';
  }
}

function zoneName(path: string): string | null {
  try {
    return realpathSync(path).replace(/^.*\/zoneinfo\//, '');
  } catch {
    return null;
  }
}

// SPDX-License-Identifier: Apache-2.0
// Who a login uid is, by /etc/passwd. Read again when it was changed; users whom a directory service alone knows stay numbers.
import { readFileSync, statSync } from 'node:fs';

const FILE_BYTES_MAX = 4 * 1024 * 1024;
const NAME_CHARACTERS_MAX = 256;

export class People {
  readonly #path: string;
  #version = '';
  #names = new Map<number, string>();

  constructor(path = '/etc/passwd') {
    this.#path = path;
    this.refresh();
  }

  of(uid: number): string | null {
    return this.#names.get(uid) ?? null;
  }

  /** Returns whether anything may have changed. */
  refresh(): boolean {
    const version = this.#read();
    if (version === this.#version) return false;
    this.#version = version;
    return true;
  }

  #read(): string {
    try {
      const { mtimeNs, ino, size } = statSync(this.#path, { bigint: true });
      const version = `${mtimeNs} ${ino} ${size}`;
      if (version !== this.#version && size <= FILE_BYTES_MAX) this.#names = namesIn(readFileSync(this.#path, 'utf8'));
      return version;
    } catch {
      this.#names = new Map();
      return 'absent';
    }
  }
}

/** By uid; of several names the first, as the C library does. */
function namesIn(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name = '', , uid = ''] = line.split(':');
    if (name !== '' && name.length <= NAME_CHARACTERS_MAX && /^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}

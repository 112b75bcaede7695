// SPDX-License-Identifier: Apache-2.0
// state/incidents.json: incidents that may be without a sealed end, for when we end without a word ourselves.
import { readFileSync } from 'node:fs';
import { writeDurably } from '@strongroom/service';
import { isIncident, type Kept } from './incident-book.ts';

export class IncidentFile {
  readonly #path: string;
  #text: string | null = null;
  #writing: Promise<void> = Promise.resolve();
  #waits = false;
  readonly #onFailed: (error: Error) => void;

  /** `onFailed` hears why it cannot be written; everything else goes on. */
  constructor(path: string, onFailed: (error: Error) => void) {
    this.#path = path;
    this.#onFailed = onFailed;
  }

  /** None where there is no file, or none that can be read: then their ends are not sealed by us. */
  read(): readonly Kept[] {
    try {
      const kept: unknown = JSON.parse(readFileSync(this.#path, 'utf8'));
      if (Array.isArray(kept) && kept.every(isKept)) return kept;
      throw new Error('it holds something else');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#onFailed(error as Error);
      return [];
    }
  }

  /** Soon replaces the file; of several calls during one write, the last counts. */
  keep(kept: readonly Kept[]): void {
    const text = `${JSON.stringify(kept)}\n`;
    if (text === this.#text) return;
    this.#text = text;
    if (this.#waits) return;
    this.#waits = true;
    this.#writing = this.#writing.then(() => this.#write());
  }

  /** Resolves when the file says what was last kept. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #write(): Promise<void> {
    this.#waits = false;
    await writeDurably(this.#path, this.#text!, 0o600).catch(this.#onFailed);
  }
}

function isKept(value: unknown): value is Kept {
  const { process, incident } = (value ?? {}) as { process?: unknown; incident?: { service?: unknown } | null };
  return typeof process === 'string' && typeof incident?.service === 'string' && isIncident(incident);
}

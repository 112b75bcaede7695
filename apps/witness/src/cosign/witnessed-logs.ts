// SPDX-License-Identifier: Apache-2.0
// The logs that we witness: their keys, and what we cosigned last for each, in a file of its own that is durable before the
// cosignature leaves. To forget it would be to vouch for two histories, so what cannot be read ends the service.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { parseVkey, readAnyCheckpoint, splitNote, type NoteKey, type TreeHead, type WitnessedLogs } from '@strongroom/evidence';
import { writeDurably } from '@strongroom/service';

interface Known extends TreeHead {
  /** The log's signatures and ours. */
  readonly note: string;
}

/** SHA-256 of the origin, hexadecimal: its name in paths. */
export function originHash(origin: string): string {
  return createHash('sha256').update(origin).digest('hex');
}

export class LogStates implements WitnessedLogs {
  readonly #directory: string;
  readonly #keys = new Map<string, NoteKey[]>();
  readonly #known = new Map<string, Known>();

  /** Throws `Refused`: `note.vkey`, `witness.state`. */
  constructor(directory: string, vkeys: readonly string[]) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const key of vkeys.map((line) => parseVkey(line))) this.#keys.set(key.name, [...(this.#keys.get(key.name) ?? []), key]);
    for (const origin of this.#keys.keys()) {
      const known = this.#read(origin);
      if (known !== null) this.#known.set(origin, known);
    }
  }

  get origins(): readonly string[] {
    return [...this.#keys.keys()];
  }

  keys(origin: string): readonly NoteKey[] | undefined {
    return this.#keys.get(origin);
  }

  last(origin: string): TreeHead | null {
    return this.#known.get(origin) ?? null;
  }

  /** The last cosigned checkpoint of the log whose origin has this hash, or null. */
  noteByHash(hash: string): string | null {
    const origin = this.origins.find((one) => originHash(one) === hash);
    return origin === undefined ? null : this.#known.get(origin)?.note ?? null;
  }

  /** Durable when this resolves: a crash before leaves what was cosigned before, and nothing of this has left. */
  async put(origin: string, { size, root }: TreeHead, note: string): Promise<void> {
    await writeDurably(this.#path(origin), note, 0o600);
    this.#known.set(origin, { size, root, note });
  }

  /** Keeps what shows that a log has two histories. */
  async keepContradiction(origin: string, request: Buffer): Promise<void> {
    await writeDurably(`${this.#path(origin)}.contradiction`, request, 0o600);
  }

  #path(origin: string): string {
    return join(this.#directory, originHash(origin));
  }

  #read(origin: string): Known | null {
    const path = this.#path(origin);
    try {
      const note = readFileSync(path, 'utf8');
      const head = readAnyCheckpoint(splitNote(note).text);
      if (head.origin !== origin) throw new Error(`it is of ${head.origin}`);
      return { size: head.size, root: head.root, note };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new Refused('witness.state', `what was cosigned last for ${origin} cannot be read`, {
        why: `${path}: ${(cause as Error).message}`, fix: 'restore it from a backup; a witness that forgot must take another key', cause,
      });
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// The line to the vault, run/vault/witness.sock: made again whenever it is lost.
import { Failed } from '@strongroom/bytes';
import type { EntryPackage } from '@strongroom/evidence';
import type { Fields, KeptTimestamp, Level } from '@strongroom/service';
import { Line, type LineContext } from '../line.ts';

export interface Published {
  readonly note: string;
  readonly size: number;
}

export interface Hello {
  /** The vault has not served yet: it waits for what witnesses have seen. */
  readonly comparing: boolean;
  readonly origin: string;
  /** The newest published checkpoint; null before the first. */
  readonly current: Published | null;
}

export interface StampNext {
  readonly offer: Published | null;
  readonly dueInMs: number;
  /** The newest that is kept. */
  readonly last: KeptTimestamp | null;
}

/** What a witness says of our log when it is asked: it had seen it, and follows; it is new to it; it names more than there is. */
export type Heard = 'known' | 'unknown' | 'ahead';

/** Answers come from the vault, which is trusted to be well-formed. Every call throws what the vault throws. */
export class VaultLine {
  readonly #line: Line;

  constructor(context: LineContext) {
    this.#line = new Line(context, context.paths.witnessSocket, 'vault');
  }

  async hello(): Promise<Hello> {
    return (await this.#line.call('hello', {})) as Hello;
  }

  /** The newest published checkpoint once it has more than `after` entries, or null after a while. */
  async published(after: number): Promise<Published | null> {
    return (await this.#line.call('published', { after })) as Published | null;
  }

  async consistency(from: number, to: number): Promise<Buffer[]> {
    const { proof } = (await this.#line.call('consistency', { from, to })) as { proof: string[] };
    return proof.map(octets);
  }

  /** Entries [start, end) of one bundle of the log of `size` entries. */
  async entries(start: number, end: number, size: number): Promise<EntryPackage> {
    const { entries, proof } = (await this.#line.call('entries', { start, end, size })) as { entries: string[]; proof: string[] };
    return { entries: entries.map(octets), proof: proof.map(octets) };
  }

  /** Octets of a segment from `offset`, at most `length`; none where it ends. */
  async segment(segment: string, offset: number, length: number): Promise<Buffer> {
    return octets(((await this.#line.call('segment', { segment, offset, length })) as { bytes: string }).bytes);
  }

  /** A checkpoint of our log that a witness shows. Resolves with its size; rejects where it is none of ours. */
  async seen(witness: string, note: string): Promise<number> {
    return ((await this.#line.call('seen', { witness, note })) as { size: number }).size;
  }

  /** A size that a witness merely names. */
  async claims(witness: string, size: number): Promise<void> {
    await this.#line.call('seen', { witness, size });
  }

  /** Who has said what so far, by name; `tried`: each was asked once. */
  async heard(said: Readonly<Record<Heard | 'silent', readonly string[]>>, tried: boolean): Promise<void> {
    await this.#line.call('heard', { ...said, tried });
  }

  async cosigned(note: string): Promise<number> {
    return ((await this.#line.call('cosigned', { note })) as { size: number }).size;
  }

  /** What shall be stamped now, or how long it is until something shall be. */
  async stampNext(): Promise<StampNext> {
    return (await this.#line.call('stamp-next', {})) as StampNext;
  }

  /** The authority's answer over what was handed out. */
  async stamped(size: number, response: Buffer): Promise<KeptTimestamp> {
    return (await this.#line.call('stamped', { size, response: response.toString('base64') })) as KeptTimestamp;
  }

  async report(event: string, level: Level, fields: Fields): Promise<void> {
    await this.#line.call('report', { event, level, fields });
  }

  close(): void {
    this.#line.close();
  }
}

function octets(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

/** Whether a call failed because the vault is not there, or no longer. */
export function isVaultGone(error: unknown): boolean {
  return error instanceof Failed && error.code.startsWith('rpc.');
}

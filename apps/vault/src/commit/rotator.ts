// SPDX-License-Identifier: Apache-2.0
// Changes the log's key and the wrapping keys while sealing goes on. One step at a time, between cycles.
//
// The log's key, and what a crash leaves at each step:
//   1. the next key is made in the token          a key that signs nothing; the next rotation takes it
//   2. a cycle commits, its last entry names it, both sign      the rotation has happened: the next start completes it
//   3. its proof is put into store/rotations, then tiles and a checkpoint of both are published
//   4. state/vault/vkey names the new key; from here on it signs alone      at every instant the published checkpoint is
//                                                               one that the key in vkey signed
//   5. the old key is destroyed in the token      done
// Every start goes through 3 (recovery), 4 and 5 for whatever is not done.
import { Failed, Refused } from '@strongroom/bytes';
import { parseVkey, presentKey, vkeyLine, vkeyOf, type LinkedKeys } from '@strongroom/evidence';
import type { KeyService } from '@strongroom/keys';
import type { Fields } from '@strongroom/service';
import type { KeptRotation } from './rotation-files.ts';
import type { Vault } from './vault.ts';

export type RotationKeys = Pick<KeyService, 'foundLogKey' | 'prepareLogKey' | 'retireLogKey' | 'retireWrappingKeys'>;

export interface RotatorOptions {
  readonly vault: Vault;
  readonly keys: RotationKeys;
  /** Resolves when what is committed is published. */
  readonly publish: () => Promise<void>;
  /** Puts state/vault/vkey in place. */
  readonly publishVkey: (vkey: string) => Promise<void>;
  readonly record: (event: string, fields: Fields) => void;
}

export interface Wanted {
  readonly log: boolean;
  readonly wrapping: boolean;
}

/** What was ordered. */
export function readWanted(args: unknown): Wanted {
  const { log, wrapping } = (args ?? {}) as { log?: unknown; wrapping?: unknown };
  return { log: log === true, wrapping: wrapping === true };
}

export interface Rotated {
  /** Null when the log's key was not to change. */
  readonly vkey: string | null;
  /** The log's size when it changed. */
  readonly size: number | null;
  /** What became of the old one. */
  readonly old: string | null;
  /** How many wrapping keys are not used any more. */
  readonly retiredWrappingKeys: number | null;
}

export class Rotator {
  readonly #options: RotatorOptions;
  #wanted: { readonly what: Wanted; readonly done: PromiseWithResolvers<Rotated> } | undefined;
  #wrapping: number | null = null;
  #isNamed = false;

  constructor(options: RotatorOptions) {
    this.#options = options;
  }

  /** Asks for new keys. Resolves when the old ones are not used any more. Throws `Failed('vault.rotating')`. */
  rotate(what: Wanted): Promise<Rotated> {
    if (this.#wanted !== undefined) return Promise.reject(new Failed('vault.rotating', 'keys are being changed already', { fix: 'wait until that is done' }));
    this.#wanted = { what, done: Promise.withResolvers<Rotated>() };
    this.#wrapping = null;
    this.#isNamed = false;
    return this.#wanted.done.promise;
  }

  /** Called between cycles. What the key service refuses is told to who asked; that it is away is waited out by its line. */
  async step(): Promise<void> {
    const wanted = this.#wanted;
    const { vault, publish } = this.#options;
    if (wanted === undefined && vault.confirming === null) return;
    try {
      if (wanted?.what.wrapping === true && this.#wrapping === null) await this.#turnWrapping();
      if (wanted?.what.log === true && !this.#isNamed) return await this.#name();
      if (vault.isRotating || vault.isTurning) return;
      const kept = vault.confirming;
      if (kept !== null) await publish();
      const old = kept === null ? null : await this.#finish(kept);
      this.#end({ vkey: kept === null ? null : vkeyOf(presentKey(vault.keys)), size: kept?.size ?? null, old, retiredWrappingKeys: this.#wrapping });
    } catch (error) {
      if (wanted === undefined || !(error instanceof Refused)) throw error;
      this.#wanted = undefined;
      wanted.done.reject(error);
    }
  }

  /** Nothing will be done any more. */
  close(): void {
    this.#wanted?.done.reject(new Failed('vault.stopping', 'the vault is stopping', { why: 'what is not done yet is completed at the next start' }));
    this.#wanted = undefined;
  }

  async #turnWrapping(): Promise<void> {
    const { keys, vault, record } = this.#options;
    this.#wrapping = await keys.retireWrappingKeys();
    vault.turnSegments();
    record('vault.wrapping-keys-retired', { count: this.#wrapping });
  }

  async #name(): Promise<void> {
    const { keys, vault } = this.#options;
    const origin = vault.keys.name;
    vault.rotateTo(parseVkey(vkeyLine(origin, await keys.prepareLogKey(origin))));
    this.#isNamed = true;
  }

  async #finish(kept: KeptRotation): Promise<string> {
    const { keys, vault, publishVkey, record } = this.#options;
    const vkey = vkeyOf(presentKey(vault.keys));
    await publishVkey(vkey);
    vault.confirm();
    const old = await keys.retireLogKey(kept.text);
    record('vault.log-key-changed', { vkey, size: kept.size, old });
    return old;
  }

  #end(rotated: Rotated): void {
    this.#wanted?.done.resolve(rotated);
    this.#wanted = undefined;
  }
}

/** What a crash left undone: keys that a rotation of the log led away from, and that the token still has. */
export async function completeRotations(keys: LinkedKeys, texts: readonly string[], isInUse: (vkey: string) => boolean, service: RotationKeys): Promise<void> {
  for (const [i, { entry }] of keys.rotations.entries()) if (isInUse(entry.from)) await service.retireLogKey(texts[i]!);
}

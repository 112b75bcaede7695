// SPDX-License-Identifier: Apache-2.0
// Rounds: one checkpoint is offered to all witnesses at once, because a quorum must cosign the same one. Each witness has
// its own pace: one that is slow or away holds up neither the round nor the others, and joins the round of the day when it
// is back.
import { setTimeout as delay } from 'node:timers/promises';
import { isQuorum, withSignatures, type Policy } from '@strongroom/evidence';
import type { Cosigner } from './peer.ts';
import type { Published } from './vault-line.ts';

/** At most one round in so long. */
const ROUND_MS_MIN = 1000;
/** After so long without a quorum a newer checkpoint is offered instead. */
const ROUND_MS_MAX = 15_000;
/** With the quorum reached, others that are about to answer are waited for so long. */
const COMPANY_MS = 200;
const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 10_000;

export interface RoundsFacts {
  readonly policy: Policy;
  readonly peers: readonly Cosigner[];
  /** The newest published checkpoint once it has more than `after` entries; null after a while. */
  published(after: number): Promise<Published | null>;
  /** A checkpoint with the cosignatures of a quorum. */
  cosigned(note: string): Promise<void>;
  failed(peer: Cosigner, error: unknown): void;
  succeeded(peer: Cosigner): void;
}

/** One checkpoint on its way round. */
class Round {
  readonly target: Published;
  readonly #policy: Policy;
  readonly #peers: number;
  readonly #lines = new Map<string, string>();
  readonly #quorum = Promise.withResolvers<void>();
  readonly #all = Promise.withResolvers<void>();

  constructor(target: Published, policy: Policy, peers: number) {
    [this.target, this.#policy, this.#peers] = [target, policy, peers];
  }

  add(name: string, line: string): void {
    this.#lines.set(name, line);
    if (isQuorum(this.#policy, new Set(this.#lines.keys()))) this.#quorum.resolve();
    if (this.#lines.size === this.#peers) this.#all.resolve();
  }

  get quorum(): Promise<void> {
    return this.#quorum.promise;
  }

  get all(): Promise<void> {
    return this.#all.promise;
  }

  get note(): string {
    return withSignatures(this.target.note, [...this.#lines.values()]);
  }
}

export class Rounds {
  readonly #facts: RoundsFacts;
  readonly #stop: AbortSignal;
  #round: Round | null = null;
  #begun = Promise.withResolvers<void>();
  count = 0;

  constructor(facts: RoundsFacts, stop: AbortSignal) {
    [this.#facts, this.#stop] = [facts, stop];
  }

  /** Until the signal is aborted; rejects with what {@link RoundsFacts.published} rejects with. */
  async run(): Promise<void> {
    const ended = new AbortController();
    const stop = AbortSignal.any([this.#stop, ended.signal]);
    const peers = this.#facts.peers.map((peer) => this.#follow(peer, stop));
    try {
      for (let after = 0; !stop.aborted; ) {
        const next = await this.#facts.published(after);
        if (next === null) continue;
        after = next.size;
        const pause = delay(ROUND_MS_MIN, undefined, { signal: stop }).catch(() => undefined);
        const round = this.#begin(next);
        await Promise.race([this.#carryHome(round, stop), delay(ROUND_MS_MAX, undefined, { signal: stop }).catch(() => undefined)]);
        await pause;
      }
    } finally {
      ended.abort();
      this.#wake();
      await Promise.all(peers);
    }
  }

  #begin(target: Published): Round {
    this.#round = new Round(target, this.#facts.policy, this.#facts.peers.length);
    this.count += 1;
    this.#wake();
    return this.#round;
  }

  #wake(): void {
    this.#begun.resolve();
    this.#begun = Promise.withResolvers();
  }

  async #carryHome(round: Round, stop: AbortSignal): Promise<void> {
    await round.quorum;
    await Promise.race([round.all, delay(COMPANY_MS, undefined, { signal: stop }).catch(() => undefined)]);
    if (!stop.aborted) await this.#facts.cosigned(round.note).catch(() => undefined);
  }

  /** One witness: the present round's checkpoint, again and again. */
  async #follow(peer: Cosigner, stop: AbortSignal): Promise<void> {
    let done: Round | null = null;
    for (let failures = 0; !stop.aborted; ) {
      const round = this.#round;
      if (round === null || round === done) {
        await this.#begun.promise;
        continue;
      }
      try {
        round.add(peer.name, await peer.cosign(round.target, stop));
        [done, failures] = [round, 0];
        this.#facts.succeeded(peer);
      } catch (error) {
        if (stop.aborted) return;
        this.#facts.failed(peer, error);
        await delay(backoffMs(failures), undefined, { signal: stop }).catch(() => undefined);
        failures += 1;
      }
    }
  }
}

/** Doubling, half of it by chance, so that many who lost the same witness do not come back at once. */
function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
}

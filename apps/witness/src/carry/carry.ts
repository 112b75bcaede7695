// SPDX-License-Identifier: Apache-2.0
// Carries checkpoints from the vault to the witnesses of the policy and back, for as long as the service lives.
import { setTimeout as delay } from 'node:timers/promises';
import { isQuorum, shownName, type Policy } from '@strongroom/evidence';
import { errorFields, type Fields } from '@strongroom/service';
import { EVENTS, type EventName, type Say } from '../events.ts';
import type { LineContext } from '../line.ts';
import { MirrorPeer } from './mirror-peer.ts';
import { Peer, type Cosigner } from './peer.ts';
import { Rounds } from './rounds.ts';
import { isVaultGone, VaultLine, type Heard, type Hello } from './vault-line.ts';

const RECONNECT_MS = 200;
/** A vault that stays away so long is worth a word. */
const AWAY_TOLD_MS = 5000;
/** Who could not be asked what it has seen is asked again, at first soon. */
const ASK_AGAIN_MS_MIN = 1000;
const ASK_AGAIN_MS_MAX = 10_000;
/** At a start, with a quorum heard, the others are waited for so long. */
const COMPANY_MS = 2000;

export interface CarryFacts {
  readonly context: LineContext;
  readonly policy: Policy;
  /** Names of witnesses that are mirrors. */
  readonly mirrors: readonly string[];
  readonly stop: AbortSignal;
  readonly say: Say;
}

export class Carrier {
  readonly #facts: CarryFacts;
  readonly #vault: VaultLine;
  readonly #failing = new Set<string>();
  #rounds: Rounds | undefined;
  #earlierRounds = 0;
  #cosignatures = 0;
  #failures = 0;

  constructor(facts: CarryFacts) {
    this.#facts = facts;
    this.#vault = new VaultLine(facts.context);
    facts.stop.addEventListener('abort', () => this.#vault.close());
  }

  get values(): Record<string, number> {
    return { rounds: this.#earlierRounds + (this.#rounds?.count ?? 0), cosignatures: this.#cosignatures, peerFailures: this.#failures, peersFailing: this.#failing.size };
  }

  /** Until the service stops. Never rejects: whatever the vault or a witness does, it is tried again. */
  async run(): Promise<void> {
    const { stop, say } = this.#facts;
    for (let awayMs = 0; !stop.aborted; awayMs += RECONNECT_MS) {
      try {
        const hello = await this.#vault.hello();
        awayMs = 0;
        await this.#serve(hello);
      } catch (error) {
        if (awayMs === AWAY_TOLD_MS && !stop.aborted) say('witness.vault-away', errorFields(error));
      }
      await delay(RECONNECT_MS, undefined, { signal: stop }).catch(() => undefined);
    }
  }

  /** One life of the vault: what was seen before, then rounds. Rejects when the vault is gone. */
  async #serve(hello: Hello): Promise<void> {
    const { policy, stop } = this.#facts;
    const gone = new AbortController();
    const life = AbortSignal.any([stop, gone.signal]);
    const peers = this.#peers(hello.origin);
    try {
      await this.#askAll(peers, hello, life);
      this.#rounds = new Rounds({
        policy, peers,
        published: (after) => this.#vault.published(after),
        cosigned: async (note) => { await this.#vault.cosigned(note); },
        failed: (peer, error) => this.#failed(peer, error),
        succeeded: (peer) => this.#succeeded(peer),
      }, life);
      await this.#rounds.run();
    } finally {
      gone.abort();
      this.#earlierRounds += this.#rounds?.count ?? 0;
      this.#rounds = undefined;
    }
  }

  /** Those that say where they are. */
  #peers(origin: string): Cosigner[] {
    return this.#facts.policy.witnesses.filter(({ url }) => url !== null).map((witness) => (this.#facts.mirrors.includes(shownName(witness.name)) ? new MirrorPeer(witness, origin, this.#vault) : new Peer(witness, origin, this.#vault)));
  }

  /**
   * Asks every witness what it has seen of our log. Resolves when all have answered, or a quorum has and the others are
   * late, or the time is over; whoever has not answered by then is asked on beside the rounds.
   */
  async #askAll(peers: readonly Cosigner[], { current }: Hello, life: AbortSignal): Promise<void> {
    const heard = new Map<string, Heard>();
    const quorum = Promise.withResolvers<void>();
    let tried = false;
    const tell = async (): Promise<void> => {
      const named = (wished: Heard | undefined): string[] => peers.map(({ name }) => name).filter((name) => heard.get(name) === wished);
      await this.#vault.heard({ known: named('known'), unknown: named('unknown'), ahead: named('ahead'), silent: named(undefined) }, tried);
      if (isQuorum(this.#facts.policy, new Set(heard.keys()))) quorum.resolve();
    };
    const asking = peers.map((peer) => this.#askOn(peer, current, life, async (said) => {
      heard.set(peer.name, said);
      await tell();
    }));
    const all = Promise.all(asking.map(({ first }) => first)).then(async () => {
      tried = true;
      await tell().catch(() => undefined);
      return 'all' as const;
    });
    const firsts = await Promise.race([all, quorum.promise.then(() => 'quorum' as const)]);
    if (firsts === 'quorum') await Promise.race([all, delay(COMPANY_MS, undefined, { signal: life }).catch(() => undefined)]);
  }

  /** `first` resolves after the first attempt, however it went. */
  #askOn(peer: Cosigner, current: Hello['current'], life: AbortSignal, answered: (said: Heard) => Promise<void>): { readonly first: Promise<void> } {
    const first = Promise.withResolvers<void>();
    const ask = async (): Promise<void> => {
      for (let waitMs = ASK_AGAIN_MS_MIN; !life.aborted; waitMs = Math.min(2 * waitMs, ASK_AGAIN_MS_MAX)) {
        try {
          await answered(await peer.ask(current, life));
          return;
        } catch (error) {
          if (isVaultGone(error)) return;
          if (!life.aborted) this.#failed(peer, error);
        } finally {
          first.resolve();
        }
        await delay(waitMs, undefined, { signal: life }).catch(() => undefined);
      }
    };
    void ask().finally(() => first.resolve());
    return { first: first.promise };
  }

  #failed(peer: Cosigner, error: unknown): void {
    if (isVaultGone(error)) return;
    this.#failures += 1;
    if (this.#failing.has(peer.name)) return;
    this.#failing.add(peer.name);
    this.#tell('witness.peer-failed', { witness: shownName(peer.name), ...errorFields(error) });
  }

  #succeeded(peer: Cosigner): void {
    this.#cosignatures += 1;
    if (this.#failing.delete(peer.name)) this.#tell('witness.peer-back', { witness: shownName(peer.name) });
  }

  /** Said, and sealed. */
  #tell(event: EventName, fields: Fields): void {
    this.#facts.say(event, fields);
    void this.#vault.report(event, EVENTS[event], fields).catch(() => undefined);
  }
}

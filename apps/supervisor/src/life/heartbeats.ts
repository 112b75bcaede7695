// SPDX-License-Identifier: Apache-2.0
// Signs of life, sealed at intervals and when something changes; and what was dark between them, worked out and sealed as soon
// as there is light again. At the start the last heartbeat is the vault's resume token.
import { LATE_NS, NOTHING_KNOWN, darkZoneOf, zoneOf, type Beat, type CoverageRecord, type DarkFacts, type DarkZone, type Found, type Heartbeat, type Resume } from '@strongroom/service/coverage';
import type { Held } from './held.ts';

export interface HeartbeatsFacts {
  readonly everySeconds: number;
  /** The present moment by all clocks. */
  readonly now: () => Heartbeat;
  /** Why no evidence is taken just now; null: it is. */
  readonly held: () => Held | null;
  readonly traces: (before: Heartbeat, after: Heartbeat) => Partial<DarkFacts>;
  readonly seal: (record: CoverageRecord) => void;
  readonly told: (zone: DarkZone) => void;
}

export class Heartbeats {
  readonly #facts: HeartbeatsFacts;
  #last: Beat | undefined;
  /** The first heartbeat of the time in which evidence is not taken, for one reason. */
  #heldSince: Heartbeat | undefined;
  #number = 0;

  constructor(facts: HeartbeatsFacts) {
    this.#facts = facts;
  }

  /** The first heartbeat of this life, and what lies between it and the last one of the life before; `known`: what others tell of that. */
  begin(before: Resume | null, after: Heartbeat = this.#facts.now(), known: Partial<DarkFacts> = {}): Found | null {
    const { held, traces } = this.#facts;
    const serviceEnded = before?.boot === after.boot && !before.stopped;
    const found = before === null || before.life === after.life ? null
      : this.#dark(zoneOf, { ...NOTHING_KNOWN, before: signOf(before), after, shutdownSealed: before.stopped, serviceEnded, ...traces(before, after), ...known });
    this.#beat(after, held(), 'alive');
    return found;
  }

  /** Call it every few seconds: seals a heartbeat when one is due, or when evidence is taken no more, or again. Returns why none is taken. */
  look(): Held | null {
    const last = this.#last;
    if (last === undefined || last.state === 'stopped') return null;
    const [now, held] = [this.#facts.now(), this.#facts.held()];
    const isDue = now.bootNs - last.bootNs >= BigInt(this.#facts.everySeconds) * 1_000_000_000n;
    if (!isDue && held?.cause === last.held?.cause) return held;
    this.#between(last, now, held);
    this.#beat(now, held, 'alive');
    return held;
  }

  /** The last words. */
  stop(): void {
    const last = this.#last;
    if (last === undefined || last.state === 'stopped') return;
    const now = this.#facts.now();
    this.#between(last, now, null);
    this.#beat(now, null, 'stopped');
  }

  /** Within one life: what was held is over, or we were not asked to look. */
  #between(last: Beat, now: Heartbeat, held: Held | null): void {
    const since = this.#heldSince;
    if (last.held !== null && since !== undefined) {
      if (held?.cause === last.held.cause) return;
      return void this.#dark(zoneOf, { ...NOTHING_KNOWN, before: since, after: now, stalled: last.held.cause === 'stalled', serviceEnded: last.held.cause === 'service-crash', linkDown: last.held.cause === 'network-loss' });
    }
    const expectedNs = BigInt(this.#facts.everySeconds) * 2_000_000_000n + LATE_NS;
    this.#dark((known) => darkZoneOf(known, expectedNs), { ...NOTHING_KNOWN, before: signOf(last), after: now });
  }

  #dark(find: (facts: DarkFacts) => DarkZone | null, facts: DarkFacts): Found | null {
    const zone = find(facts);
    if (zone === null) return null;
    this.#facts.seal({ type: 'dark-zone', zone, facts });
    this.#facts.told(zone);
    return { zone, facts };
  }

  #beat(now: Heartbeat, held: Held | null, state: Beat['state']): void {
    this.#number += 1;
    if (held === null) this.#heldSince = undefined;
    else if (held.cause !== this.#last?.held?.cause) this.#heldSince = now;
    this.#last = { ...now, number: this.#number, everySeconds: this.#facts.everySeconds, state, held };
    this.#facts.seal({ type: 'heartbeat', ...this.#last });
  }
}

function signOf({ boot, life, bootNs, monotonicNs, wallNs, boundNs }: Heartbeat): Heartbeat {
  return { boot, life, bootNs, monotonicNs, wallNs, boundNs };
}

// SPDX-License-Identifier: Apache-2.0
// What the vault can tell of a dark zone: what it sealed last before, and what it has of our feed. A PDU is read only when we are back,
// and may have to boot itself: a zone that ended in a boot is judged again as its records come, and an amendment sealed where that
// changes anything.
import { FeedHistory, NOTHING_KNOWN, withFeeds, zoneOf, type CoverageRecord, type DarkFacts, type DarkZone, type Found, type Heartbeat, type SealedRecord } from '@strongroom/service/coverage';

const SECOND_NS = 1_000_000_000n;
/** An outlet that was off for longer before the gap counts as on. */
const BEFORE_NS = 30n * 86_400n * SECOND_NS;
/** Evidence is taken meanwhile, and a heartbeat is due. */
const PATIENCE_MS = 10_000;
/** When it is looked whether more is known, in seconds since the zone ended. */
const LOOKS_SECONDS = [15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600];

export interface AftermathFacts {
  /** Asks the vault. */
  readonly ask: (name: string, args: unknown) => Promise<unknown>;
  /** How many devices feed us; 0: nobody told. */
  readonly feeds: number;
  readonly everySeconds: number;
  readonly seal: (record: CoverageRecord) => void;
  readonly told: (zone: DarkZone) => void;
  /** That something could not be asked, and why. */
  readonly failed: (what: string, error: Error) => void;
}

export class Aftermath {
  readonly #facts: AftermathFacts;
  #open: { readonly found: Found; looks: number } | null = null;
  #asking = false;

  constructor(facts: AftermathFacts) {
    this.#facts = facts;
  }

  /** What is known at once, of a gap between two lives. `until`: the present life began then, by the wall clock. */
  async known(before: Heartbeat, after: Heartbeat, until: bigint): Promise<Partial<DarkFacts>> {
    const lastSealed = await this.#within('last-before', this.#lastSealed(until), null);
    const facts: DarkFacts = { ...NOTHING_KNOWN, before, after, lastSealed, everySeconds: this.#facts.everySeconds };
    if (before.boot === after.boot || this.#facts.feeds === 0) return { lastSealed, everySeconds: facts.everySeconds };
    const feeds = await this.#within('feed-records', this.#history(before.wallNs), new FeedHistory());
    const { feedDied, othersDied } = withFeeds({ zone: zoneOf(facts), facts }, feeds).facts;
    return { lastSealed, everySeconds: facts.everySeconds, feedDied, othersDied };
  }

  /** A zone that was sealed: it is held against what comes. */
  opened(found: Found): void {
    const isBoot = found.facts.before.boot !== found.facts.after.boot;
    this.#open = isBoot && this.#facts.feeds > 0 ? { found, looks: 0 } : null;
  }

  /** Call it every few seconds. */
  async look(now: Heartbeat): Promise<void> {
    const open = this.#open;
    if (open === null || this.#asking) return;
    const { after } = open.found.facts;
    if (now.bootNs - after.bootNs < BigInt(LOOKS_SECONDS[open.looks]!) * SECOND_NS) return;
    this.#asking = true;
    open.looks += 1;
    try {
      const feeds = await this.#history(open.found.facts.before.wallNs);
      this.#amend(open.found, feeds, now.wallNs);
      if (feeds.isSettled(after.wallNs, this.#facts.feeds) || open.looks >= LOOKS_SECONDS.length) this.#open = null;
    } catch (error) {
      this.#facts.failed('feed-records', error as Error);
      if (open.looks >= LOOKS_SECONDS.length) this.#open = null;
    } finally {
      this.#asking = false;
    }
  }

  #amend(found: Found, feeds: FeedHistory, timeNs: bigint): void {
    const amended = withFeeds(found, feeds);
    const { feedDied, othersDied } = amended.facts;
    if (feedDied === found.facts.feedDied && othersDied === found.facts.othersDied) return;
    if (this.#open !== null) this.#open = { ...this.#open, found: amended };
    this.#facts.seal({ type: 'dark-zone-amended', timeNs, ...amended });
    this.#facts.told(amended.zone);
  }

  async #lastSealed(until: bigint): Promise<SealedRecord | null> {
    const last = (await this.#facts.ask('last-before', { until: String(until) })) as { readonly id: string; readonly time: string; readonly bound: string | null } | null;
    return last === null ? null : { id: last.id, timeNs: BigInt(last.time), boundNs: last.bound === null ? null : BigInt(last.bound) };
  }

  async #history(beforeNs: bigint): Promise<FeedHistory> {
    const since = beforeNs > BEFORE_NS ? beforeNs - BEFORE_NS : 0n;
    const feeds = new FeedHistory();
    for (const raw of (await this.#facts.ask('feed-records', { since: String(since) })) as readonly string[]) feeds.take(raw);
    return feeds;
  }

  /** What is not to be had in time is not known: a heartbeat must not wait for it. */
  async #within<T>(what: string, answer: Promise<T>, otherwise: T): Promise<T> {
    const late = Promise.withResolvers<T>();
    const timer = setTimeout(() => late.reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
    answer.catch(() => undefined);
    try {
      return await Promise.race([answer, late.promise]);
    } catch (error) {
      this.#facts.failed(what, error as Error);
      return otherwise;
    } finally {
      clearTimeout(timer);
    }
  }
}

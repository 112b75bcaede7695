// SPDX-License-Identifier: Apache-2.0
// Runs cycles while there is work, publishes, beats, and waits out a full disk.
import type { Fields, Incidents, Level, ServiceState } from '@strongroom/service';
import type { Clock } from '../clock.ts';
import { isDiskFull } from '../disk.ts';
import type { OwnRecords } from '../intake/own-records.ts';
import type { Publisher } from './publisher.ts';
import type { Space } from './space.ts';
import type { Vault } from './vault.ts';
import type { Waiting } from '../intake/waiting.ts';

const SPACE_POLL_MS = 500;
const SETTLE_MS_MAX = 5000;

export interface LoopOptions {
  /** What is to be done while no cycle is under way. */
  readonly between?: () => Promise<void>;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly publisher: Publisher;
  readonly space: Space;
  readonly own: OwnRecords;
  readonly incidents: Pick<Incidents, 'lasts' | 'over'>;
  readonly waiting: Waiting;
  readonly heartbeatMs: number;
  /** How long a cycle may stay open while nobody waits for it. */
  readonly idleCycleMs: number;
  /** Octets that one cycle takes at most. */
  readonly cycleBytesMax: number;
  readonly state: (state: ServiceState, reason?: string) => void;
  readonly event: (event: string, level: Level, fields?: Fields) => void;
}

export class Loop {
  readonly #options: LoopOptions;
  #wake: () => void = () => undefined;
  #woken = false;
  /** Somebody wants to read: what waits is committed at once. */
  #hurried = false;
  #stopped = false;
  /** When the loop is to turn next: now, or at the end of a sleep. */
  #dueAtMs: number;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#dueAtMs = options.clock.nowMs();
  }

  /** How long the loop should have turned already; 0 while it sleeps. A sync that never returns makes it grow. */
  get standstillMs(): number {
    return Math.max(0, this.#options.clock.nowMs() - this.#dueAtMs);
  }

  /** There is work. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /**
   * What waits now is committed and published when this resolves; while sealing is stalled it waits no longer than
   * {@link SETTLE_MS_MAX}. Rejects with what a publication failed with.
   */
  async settle(): Promise<void> {
    const { clock, waiting, publisher } = this.#options;
    const [target, deadline] = [waiting.came, clock.nowMs() + SETTLE_MS_MAX];
    while (waiting.done < target && clock.nowMs() < deadline && !this.#stopped) {
      this.#hurried = true;
      this.wake();
      await clock.sleep(1);
    }
    if (waiting.done >= target) await publisher.flush();
  }

  /** Until `stop` is aborted. Throws what a cycle cannot get over: `vault.write-failed`. */
  async run(stop: AbortSignal): Promise<void> {
    stop.addEventListener('abort', () => this.wake());
    while (!stop.aborted) await this.#withRoom(stop, () => this.#step(stop));
    this.#stopped = true;
  }

  /** The first cycle, and its publication. */
  async begin(stop: AbortSignal): Promise<void> {
    await this.cycle(stop);
    await this.#withRoom(stop, () => this.#options.publisher.flush());
  }

  /** Where a publication or a new commit file finds no room, it is waited for. */
  async #withRoom(stop: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await this.#waitForSpace(stop);
    }
  }

  async #step(stop: AbortSignal): Promise<void> {
    const { clock, vault, waiting, publisher, heartbeatMs, idleCycleMs } = this.#options;
    this.#dueAtMs = clock.nowMs();
    publisher.poll();
    await this.#options.between?.();
    if (!vault.hasWork) {
      const beatInMs = heartbeatMs - (clock.nowMs() - vault.committedAt);
      if (beatInMs <= 0) return vault.enter({ kind: 'heartbeat', time: clock.nowNs() });
      return this.#sleep(Math.min(beatInMs, publisher.dueInMs ?? beatInMs));
    }
    const leisureMs = this.#hurried ? 0 : waiting.leisureMs(idleCycleMs);
    if (leisureMs > 0) return this.#sleep(Math.min(leisureMs, publisher.dueInMs ?? leisureMs));
    this.#hurried = false;
    // One turn of the event loop lets what has already arrived join this cycle.
    await clock.turn();
    await this.cycle(stop);
    if (!vault.commitLogIsLong || vault.isInDoubt) return;
    // Under load publication is always a cycle behind: here it catches up, or the commit log would grow for ever.
    await publisher.flush();
    await vault.turnCommitLog(publisher.publishedSize);
  }

  async #sleep(ms: number): Promise<void> {
    if (!this.#woken) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const { clock } = this.#options;
      this.#dueAtMs = clock.nowMs() + ms;
      const cancel = clock.after(Math.max(1, ms), resolve);
      this.#wake = resolve;
      await promise;
      cancel();
    }
    this.#woken = false;
  }

  /** One cycle; a full disk is waited out, and what waits keeps its place. */
  async cycle(stop: AbortSignal): Promise<void> {
    const { vault, waiting, space, cycleBytesMax } = this.#options;
    if (!space.has(Math.min(waiting.bytes, cycleBytesMax))) return this.#waitForSpace(stop);
    try {
      await vault.cycle();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await this.#waitForSpace(stop);
    }
  }

  async #waitForSpace(stop: AbortSignal): Promise<void> {
    const { clock, publisher, space, own, incidents, waiting, state, event } = this.#options;
    const facts = { freeBytes: space.freeBytes, minFreeBytes: space.minFreeBytes };
    state('stalled', `the disk is full: ${facts.freeBytes} octets free, ${facts.minFreeBytes} must stay free`);
    event('vault.disk-full', 'error', facts);
    await space.release();
    waiting.pushIncident(own.event('vault.disk-full', 'error', facts));
    incidents.lasts('store', 'disk-full', this.#timeMs(), this.#timeMs());
    const since = clock.nowMs();
    let recorded = await this.#record();
    while (!space.hasReserve && !stop.aborted) await clock.sleep(SPACE_POLL_MS, stop);
    while (!recorded && !stop.aborted && !(recorded = await this.#record())) await clock.sleep(SPACE_POLL_MS, stop);
    if (stop.aborted) return;
    await space.reserve();
    const after = { stalledMs: Math.round(clock.nowMs() - since), freeBytes: space.freeBytes };
    waiting.pushIncident(own.event('vault.disk-has-room', 'warn', after));
    incidents.over('store', 'disk-full', this.#timeMs());
    event('vault.disk-has-room', 'warn', after);
    state('running');
    publisher.retry();
  }

  #timeMs(): number {
    return Number(this.#options.clock.nowNs() / 1_000_000n);
  }

  /** Seals and publishes incidents alone, out of the reserve. False when even that finds no room. */
  async #record(): Promise<boolean> {
    const { vault, publisher, waiting } = this.#options;
    try {
      publisher.retry();
      if (vault.isInDoubt) {
        await publisher.flush();
        await vault.startAfresh();
      }
      if (waiting.hasIncidents) await vault.cycle(0);
      await publisher.flush();
      return true;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      return false;
    }
  }
}

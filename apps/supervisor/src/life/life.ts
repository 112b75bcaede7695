// SPDX-License-Identifier: Apache-2.0
// This life of the appliance, told to the vault: from the first moment that evidence is taken to the last, and who was heard.
import { randomBytes } from 'node:crypto';
import type { Config } from '@strongroom/service';
import { decodeResume, sentenceOf, type DarkZone, type HabitFacts } from '@strongroom/service/coverage';
import type { OwnEvents } from '../events/own-events.ts';
import type { IncidentBook } from '../incidents/incident-book.ts';
import type { Child } from '../processes/child.ts';
import { Aftermath } from './aftermath.ts';
import { Heartbeats } from './heartbeats.ts';
import { heldBy } from './held.ts';
import { linkDown } from './link.ts';
import { machinePaths, signOfLife, traces } from './machine.ts';
import { Sources } from './sources.ts';

/** How often it is looked whether evidence is taken, beside when services come and go: a link that is down for less may go unseen. */
const LOOK_MS = 5000;
/** How often sources are held against their habits. */
const SOURCES_NS = 60_000_000_000n;

export interface LifeFacts {
  readonly children: readonly Child[];
  readonly book: IncidentBook;
  readonly events: OwnEvents;
  readonly config: Pick<Config, 'supervisor' | 'rack'>;
  /** Has the vault do something, and hands back what it answers. */
  readonly orderVault: (name: string, args: unknown) => Promise<unknown>;
  readonly deployment: string;
  /** Where habits are kept. */
  readonly habits: string;
}

export class Life {
  readonly #facts: LifeFacts;
  readonly #heartbeats: Heartbeats;
  readonly #aftermath: Aftermath;
  readonly #sources: Sources;
  readonly #paths;
  readonly #name = randomBytes(8).toString('hex');
  #timer: NodeJS.Timeout | undefined;
  /** Evidence was taken at every look since sources were looked at last. */
  #isListening = true;
  #sourcesNs = 0n;

  constructor(facts: LifeFacts) {
    const { events, children, config: { supervisor: { heartbeatSeconds, pstore }, rack: { devices } } } = facts;
    const paths = machinePaths(pstore);
    this.#facts = facts;
    this.#paths = paths;
    this.#sources = new Sources(facts);
    const told = (zone: DarkZone): void => events.event('supervisor.dark-zone', 'warn', { text: sentenceOf(zone), because: zone.because });
    this.#aftermath = new Aftermath({
      ask: facts.orderVault, feeds: Object.values(devices).filter(({ feeds = [] }) => feeds.length > 0).length, everySeconds: heartbeatSeconds, seal: (record) => events.coverage(record), told,
      failed: (what, { message }) => events.event('supervisor.aftermath-unknown', 'warn', { what, why: message }),
    });
    this.#heartbeats = new Heartbeats({
      everySeconds: heartbeatSeconds, now: () => signOfLife(paths, this.#name, () => events.stamp()), held: () => heldBy(children, linkDown(paths.sys)),
      traces: (before, after) => traces(paths, before, after), seal: (record) => events.coverage(record), told,
    });
  }

  /** Once evidence is taken. */
  async begin(): Promise<void> {
    const { events, config: { supervisor: { heartbeatSeconds } } } = this.#facts;
    const before = decodeResume(await events.resumeToken());
    const now = this.#now();
    // What was sealed since this process began is no sign of the life before.
    const began = now.wallNs - BigInt(Math.ceil(process.uptime() * 1e9));
    const found = this.#heartbeats.begin(before, now, before === null ? {} : await this.#aftermath.known(before, now, began));
    if (found !== null) this.#aftermath.opened(found);
    this.#sources.begin(now, before?.wallNs ?? 0n, before?.stopped === true);
    this.#sourcesNs = now.bootNs;
    this.#timer = setInterval(() => this.#look(), Math.min(LOOK_MS, heartbeatSeconds * 1000)).unref();
    events.lastWords = () => this.#end();
  }

  /** Who is silent against its habit. */
  habits(): HabitFacts {
    return this.#sources.habits();
  }

  /** A service came or went: a gap begins and ends then, and not at the next look. */
  changed(): void {
    if (this.#timer === undefined) return;
    this.#lookAtHeld();
  }

  #look(): void {
    const { supervisor: { heartbeatSeconds } } = this.#facts.config;
    this.#lookAtHeld();
    const now = this.#now();
    void this.#aftermath.look(now);
    const everyNs = BigInt(Math.min(60, heartbeatSeconds)) * 1_000_000_000n;
    if (now.bootNs - this.#sourcesNs < (everyNs < SOURCES_NS ? everyNs : SOURCES_NS)) return;
    this.#sources.look(now, this.#isListening, linkDown(this.#paths.sys) === true);
    [this.#sourcesNs, this.#isListening] = [now.bootNs, true];
  }

  #lookAtHeld(): void {
    const held = this.#heartbeats.look();
    this.#isListening &&= held === null;
  }

  /** Once none is taken any more. */
  async #end(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#heartbeats.stop();
    await this.#sources.end();
  }

  #now() {
    return signOfLife(this.#paths, this.#name, () => this.#facts.events.stamp());
  }
}

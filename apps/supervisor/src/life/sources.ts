// SPDX-License-Identifier: Apache-2.0
// Sources that are held against their habits, by what gateways and capture count anyway. What was learnt is kept in a file: it is
// derived, proves nothing, and whoever loses it learns anew within a week.
import { readFileSync } from 'node:fs';
import { Incidents, writeDurably } from '@strongroom/service';
import { SourceWatch, type CoverageRecord, type HabitFacts, type Heartbeat, type SourceCount } from '@strongroom/service/coverage';
import type { OwnEvents } from '../events/own-events.ts';
import type { IncidentBook } from '../incidents/incident-book.ts';
import type { Child } from '../processes/child.ts';

const SAVE_MS = 3_600_000;
const HABITS_BYTES_MAX = 16 * 1024 * 1024;

export interface SourcesFacts {
  readonly children: readonly Pick<Child, 'stats'>[];
  readonly deployment: string;
  readonly habits: string;
  readonly book: IncidentBook;
  readonly events: Pick<OwnEvents, 'event' | 'coverage'>;
}

export class Sources {
  readonly #facts: SourcesFacts;
  readonly #incidents: Incidents;
  readonly #watch: SourceWatch;
  #last: Heartbeat | undefined;
  #savedMs = performance.now();

  constructor(facts: SourcesFacts) {
    this.#facts = facts;
    this.#incidents = new Incidents((event, level, fields) => facts.events.event(event, level, fields));
    this.#watch = new SourceWatch({
      seal: (record: CoverageRecord) => facts.events.coverage(record),
      silent: (source, sinceNs) => this.#incidents.lasts(`source ${source}`, 'silent', Number(sinceNs / 1_000_000n)),
      heard: (source) => this.#incidents.over(`source ${source}`, 'silent'),
    });
  }

  /** `lastNs`: the last sign of life before this one; `isOfTheEnd`: it was the last word of a life that was stopped. */
  begin(now: Heartbeat, lastNs: bigint, isOfTheEnd: boolean): void {
    const saved = readOr(this.#facts.habits);
    if (saved !== null && !this.#watch.load(saved, lastNs, isOfTheEnd)) this.#facts.events.event('supervisor.habits-unreadable', 'warn', { path: this.#facts.habits });
    this.#watch.list(now.wallNs);
    this.#last = now;
  }

  /** `isListening`: evidence was taken since the look before, and is now. */
  look(now: Heartbeat, isListening: boolean, isLinkDown: boolean): void {
    const last = this.#last;
    if (last === undefined) return;
    this.#last = now;
    const minutes = isListening ? Number(now.bootNs - last.bootNs) / 6e10 : 0;
    this.#watch.look({ now, minutes, counts: countsOf(this.#facts.children, this.#facts.deployment), linkDown: isLinkDown });
    this.#facts.book.take({ service: 'supervisor', index: 0, life: 1 }, { values: {}, incidents: this.#incidents.look() });
    if (performance.now() - this.#savedMs >= SAVE_MS) {
      this.#watch.list(now.wallNs);
      void this.save();
    }
  }

  /** As of the last look. */
  habits(): HabitFacts {
    return this.#watch.facts();
  }

  /** Nobody looks any more: incidents get their ends. */
  async end(): Promise<void> {
    this.#incidents.close();
    await this.save();
  }

  /** Replaces the file whole; the one before stays where that fails. */
  async save(): Promise<void> {
    this.#savedMs = performance.now();
    await writeDurably(this.#facts.habits, this.#watch.save(), 0o600).catch((error: Error) => this.#facts.events.event('supervisor.habits-unwritten', 'warn', { why: error.message }));
  }
}

/** Of each source what all processes counted of it, by the name that people use. */
export function countsOf(children: readonly Pick<Child, 'stats'>[], deployment: string): Map<string, SourceCount> {
  const counts = new Map<string, SourceCount>();
  for (const { stats: { sources = {} } } of children) {
    for (const [id, { events, connections }] of Object.entries(sources)) {
      const name = nameOf(id, deployment);
      const sum = counts.get(name);
      counts.set(name, { events: events + (sum?.events ?? 0), connections: connections + (sum?.connections ?? 0) });
    }
  }
  return counts;
}

/** `web-01` of a source, `service/capture` of one of ours. */
function nameOf(id: string, deployment: string): string {
  const ours = `spiffe://${deployment}/`;
  return id.startsWith(ours) ? id.slice(ours.length).replace(/^source\//, '') : id;
}

function readOr(path: string): Buffer | null {
  try {
    const bytes = readFileSync(path);
    return bytes.length > HABITS_BYTES_MAX ? Buffer.alloc(0) : bytes;
  } catch {
    return null;
  }
}

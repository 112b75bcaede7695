// SPDX-License-Identifier: Apache-2.0
// Incidents: trouble from when to when, each sealed as it begins and as it ends, and shown for a day. What happens to one
// subject for one reason is one incident, until it has been quiet for a while; `lasts` holds one open until `over`.
import { randomBytes } from 'node:crypto';
import type { Fields, Level } from './events.ts';

const QUIET_MS = 60_000;
const SHOWN_MS = 86_400_000;
/** Closed ones that are shown; of more, the newest. */
const CLOSED_MAX = 64;
/** At once. Subjects and reasons are named in code, so there are few. */
const OPEN_MAX = 64;

/** As `status` shows it. Times are ISO 8601. */
export interface Incident {
  readonly id: string;
  /** What it befell, such as `audit`, and why, such as `overrun`. */
  readonly subject: string;
  readonly reason: string;
  /** When it took place, as far as is known. */
  readonly from: string;
  readonly to: string;
  /** How many were lost, of what the subject counts. */
  readonly count: number;
  /** Times that something was lost and nobody could count it. */
  readonly uncounted: number;
  readonly openedAt: string;
  readonly closedAt: string | null;
}

export interface Happening {
  readonly subject: string;
  readonly reason: string;
  /** Null: it cannot be told. 0: nothing is known to be lost. */
  readonly count: number | null;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Open {
  readonly id: string;
  readonly subject: string;
  readonly reason: string;
  readonly openedMs: number;
  fromMs: number;
  toMs: number;
  count: number;
  uncounted: number;
  lastMs: number;
  lasts: boolean;
}

export type SealIncident = (event: 'incident.opened' | 'incident.closed', level: Level, fields: Fields) => void;

export class Incidents {
  readonly #seal: SealIncident;
  readonly #random: (size: number) => Buffer;
  readonly #open = new Map<string, Open>();
  #closed: Incident[] = [];
  #opened = 0;

  constructor(seal: SealIncident, random: (size: number) => Buffer = randomBytes) {
    this.#seal = seal;
    this.#random = random;
  }

  /** Opens an incident, or goes on with the one that is open. */
  happened({ subject, reason, count, fromMs, toMs }: Happening, nowMs = Date.now()): void {
    const open = this.#open.get(`${subject} ${reason}`);
    if (open === undefined) return this.#begin({ subject, reason, count, fromMs, toMs }, nowMs, false);
    open.fromMs = Math.min(open.fromMs, fromMs);
    open.toMs = Math.max(open.toMs, toMs);
    open.count += count ?? 0;
    open.uncounted += count === null ? 1 : 0;
    open.lastMs = nowMs;
  }

  /** Since `sinceMs`, until {@link over}. */
  lasts(subject: string, reason: string, sinceMs: number, nowMs = Date.now()): void {
    const open = this.#open.get(`${subject} ${reason}`);
    if (open === undefined) this.#begin({ subject, reason, count: 0, fromMs: sinceMs, toMs: nowMs }, nowMs, true);
    else open.lasts = true;
  }

  /** What lasted is over; what was lost meanwhile may still be told. */
  over(subject: string, reason: string, nowMs = Date.now()): void {
    const open = this.#open.get(`${subject} ${reason}`);
    if (open === undefined || !open.lasts) return;
    [open.lasts, open.toMs, open.lastMs] = [false, Math.max(open.toMs, nowMs), nowMs];
  }

  /** Those of the last day and those that are open, the newest first. Call it now and then: it also closes what has been quiet. */
  look(nowMs = Date.now()): readonly Incident[] {
    for (const open of this.#open.values()) {
      open.lastMs = Math.min(open.lastMs, nowMs); // a clock that was set back holds none open
      if (open.lasts) [open.toMs, open.lastMs] = [nowMs, nowMs];
      else if (nowMs - open.lastMs >= QUIET_MS) this.#end(open, nowMs, 'quiet');
    }
    this.#closed = this.#closed.filter(({ closedAt }) => nowMs - Date.parse(closedAt!) < SHOWN_MS);
    return [...[...this.#open.values()].toReversed().map((open) => factsOf(open, null)), ...this.#closed];
  }

  /** Closes all, at the end of the service. */
  close(nowMs = Date.now()): void {
    for (const open of this.#open.values()) this.#end(open, nowMs, 'the service stops');
  }

  values(): Record<string, number> {
    return { incidentsOpen: this.#open.size, incidentsOpened: this.#opened };
  }

  #begin({ subject, reason, count, fromMs, toMs }: Happening, nowMs: number, lasts: boolean): void {
    if (this.#open.size >= OPEN_MAX) return;
    const open = { id: this.#random(4).toString('hex'), subject, reason, openedMs: nowMs, fromMs, toMs, count: count ?? 0, uncounted: count === null ? 1 : 0, lastMs: nowMs, lasts };
    this.#open.set(`${subject} ${reason}`, open);
    this.#opened += 1;
    const { closedAt: _, ...facts } = factsOf(open, null);
    this.#seal('incident.opened', 'error', facts);
  }

  #end(open: Open, nowMs: number, why: string): void {
    this.#open.delete(`${open.subject} ${open.reason}`);
    const facts = factsOf(open, nowMs);
    this.#closed = [facts, ...this.#closed].slice(0, CLOSED_MAX);
    this.#seal('incident.closed', 'info', { ...facts, why });
  }
}

function factsOf({ id, subject, reason, fromMs, toMs, count, uncounted, openedMs }: Open, closedMs: number | null): Incident {
  return { id, subject, reason, from: isoOf(fromMs), to: isoOf(toMs), count, uncounted, openedAt: isoOf(openedMs), closedAt: closedMs === null ? null : isoOf(closedMs) };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

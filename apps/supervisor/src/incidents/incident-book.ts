// SPDX-License-Identifier: Apache-2.0
// Incidents of all services over all their lives. A process that ended without a word sealed no end of those it had open,
// and perhaps not the last that it told of: when the next life of its service speaks, we seal them in its place.
import type { Fields, Incident, ServiceEvent, ServiceIncident, ServiceStats } from '@strongroom/service';

const SHOWN_MS = 86_400_000;
const KEPT_MAX = 256;
/** What a process told of longer ago, and lived on, is sealed: it gathers for a second or two. */
const IN_DOUBT_MS = 10_000;

/** One that may be without a sealed end. */
export interface Kept {
  /** Which process of which service, such as `capture 0`. */
  readonly process: string;
  readonly incident: ServiceIncident;
}

interface Known extends Kept {
  /** Which life of the process told of it. Those of a supervisor before us are of life 0. */
  readonly life: number;
  /** Its end is sealed as far as we know. */
  readonly isSettled: boolean;
  /** We are having its end sealed. */
  readonly isEnding: boolean;
}

export interface BookHooks {
  /** Has an end sealed. Resolves when it is; rejects when nobody knows. */
  end(fields: Fields): Promise<void>;
  /** Those that may be without a sealed end are others now. */
  keep(kept: readonly Kept[]): void;
}

/** Which process says it, and the how manieth of our starts of it that is, from 1. */
export interface Speaker {
  readonly service: string;
  readonly index: number;
  readonly life: number;
}

export class IncidentBook {
  readonly #hooks: BookHooks;
  /** By id, the newest last. */
  readonly #known: Map<string, Known>;

  constructor(hooks: BookHooks, before: readonly Kept[] = []) {
    this.#hooks = hooks;
    this.#known = new Map(before.slice(-KEPT_MAX).map((kept) => [kept.incident.id, { ...kept, life: 0, isSettled: false, isEnding: false }]));
  }

  /** What one process of a service says of its incidents now. */
  take(speaker: Speaker, { incidents = [] }: ServiceStats, nowMs = Date.now()): void {
    for (const one of incidents.toReversed()) this.#note(speaker, one);
    const process = processOf(speaker);
    let isChanged = false;
    for (const [id, known] of this.#known) {
      if (known.process !== process || known.isSettled || known.isEnding) continue;
      if (known.life !== speaker.life) this.#left(id, known, nowMs);
      else if (known.incident.closedAt !== null && nowMs - Date.parse(known.incident.closedAt) >= IN_DOUBT_MS) {
        this.#known.set(id, { ...known, isSettled: true });
        isChanged = true;
      }
    }
    if (isChanged) this.#keep();
  }

  /** An event of a process: what it is about to seal of an incident is known here before it is sealed. */
  told(speaker: Speaker, { event, fields }: Pick<ServiceEvent, 'event' | 'fields'>): void {
    if (event !== 'incident.opened' && event !== 'incident.closed') return;
    this.#note(speaker, { closedAt: null, ...fields });
    this.#keep();
  }

  /** All services stopped in order: the ends that they told of are sealed. */
  stopped(): void {
    for (const [id, known] of this.#known) if (known.incident.closedAt !== null && !known.isEnding) this.#known.set(id, { ...known, isSettled: true });
    this.#keep();
  }

  /** Open ones first, then the newest. */
  list(nowMs = Date.now()): readonly ServiceIncident[] {
    for (const [id, { isSettled, incident: { closedAt } }] of this.#known) if (isSettled && closedAt !== null && nowMs - Date.parse(closedAt) >= SHOWN_MS) this.#known.delete(id);
    const all = [...this.#known.values()].toReversed().map(({ incident }) => incident);
    return [...all.filter(({ closedAt }) => closedAt === null), ...all.filter(({ closedAt }) => closedAt !== null)];
  }

  /** A service that says what is none is not believed: whoever asks for the status shall not stumble over it. */
  #note(speaker: Speaker, incident: unknown): void {
    if (!isIncident(incident)) return;
    this.#keepOne(speaker, incident);
    for (const id of this.#known.keys()) if (this.#known.size > KEPT_MAX) this.#known.delete(id);
  }

  #keepOne(speaker: Speaker, { id, subject, reason, from, to, count, uncounted, openedAt, closedAt }: Incident): void {
    const known = this.#known.get(id);
    const incident = { id, service: speaker.service, subject, reason, from, to, count, uncounted, openedAt, closedAt };
    this.#known.set(id, { process: processOf(speaker), incident, life: speaker.life, isSettled: known?.isSettled ?? false, isEnding: false });
  }

  /** The process is gone. Order: its end is sealed, then it is kept no longer; a crash between the two has it sealed twice. */
  #left(id: string, known: Known, nowMs: number): void {
    const isOpen = known.incident.closedAt === null;
    const incident = isOpen ? { ...known.incident, closedAt: new Date(nowMs).toISOString() } : known.incident;
    this.#known.set(id, { ...known, incident, isEnding: true });
    const who = known.life === 0 ? 'the supervisor' : 'its service';
    const sealed = this.#hooks.end({ ...incident, why: `${isOpen ? '' : 'told before '}${who} ended without a word` });
    sealed.then(() => this.#settle(id), () => undefined);
  }

  #settle(id: string): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    this.#known.set(id, { ...known, isSettled: true, isEnding: false });
    this.#keep();
  }

  #keep(): void {
    this.#hooks.keep([...this.#known.values()].filter(({ isSettled }) => !isSettled).map(({ process, incident }) => ({ process, incident })));
  }
}

const [TEXT_CHARACTERS_MAX, TEXTS] = [200, ['id', 'subject', 'reason', 'from', 'to', 'openedAt']];

const isText = (text: unknown): boolean => typeof text === 'string' && text.length <= TEXT_CHARACTERS_MAX;

export function isIncident(value: unknown): value is Incident {
  const incident = (value ?? {}) as Readonly<Record<string, unknown>>;
  return TEXTS.every((name) => isText(incident[name])) && Number.isFinite(incident['count']) && Number.isFinite(incident['uncounted']) && (incident['closedAt'] === null || isText(incident['closedAt']));
}

function processOf({ service, index }: Speaker): string {
  return `${service} ${index}`;
}

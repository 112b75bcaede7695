// SPDX-License-Identifier: Apache-2.0
// What lasts, by device: for incidents, for `status` and for "strongroom rack".
import type { Incidents } from '@strongroom/service';
import type { Happening } from './track/device-track.ts';

/** The subject of this machine's own heat. */
export const HOST = 'heat';
const NAMED_MAX = 5;
/** Of one subject: a device that has much to say must leave room for the others. */
const REASONS_MAX = 64;
/** Of those so many raise incidents, of which there are 64 at once. */
const INCIDENTS_MAX = 8;

export class Lasting {
  readonly #incidents: Pick<Incidents, 'lasts' | 'over'>;
  readonly #reasons = new Map<string, { readonly subject: string; readonly reason: string }>();

  constructor(incidents: Pick<Incidents, 'lasts' | 'over'>) {
    this.#incidents = incidents;
  }

  take(subject: string, { lasting }: Happening, nowMs: number): void {
    if (lasting === undefined) return;
    const { reason, on } = lasting;
    const key = `${subject}\0${reason}`;
    if (!on) {
      if (this.#reasons.delete(key)) this.#incidents.over(subject, reason, nowMs);
    } else {
      this.begin(subject, reason, nowMs);
    }
  }

  begin(subject: string, reason: string, nowMs = Date.now()): void {
    const [key, before] = [`${subject}\0${reason}`, this.of(subject).length];
    if (before >= REASONS_MAX) return;
    this.#reasons.set(key, { subject, reason });
    if (before < INCIDENTS_MAX) this.#incidents.lasts(subject, reason, nowMs, nowMs);
  }

  of(subject: string): string[] {
    return [...this.#reasons.values()].filter((one) => one.subject === subject).map(({ reason }) => reason);
  }

  /** A few in words; that a device is away is told by itself. */
  get words(): string[] {
    const told = [...this.#reasons.values()].filter(({ reason }) => reason !== 'away').map(({ subject, reason }) => `${subject}: ${reason}`);
    return told.length <= NAMED_MAX ? told : [...told.slice(0, NAMED_MAX), `and ${told.length - NAMED_MAX} more`];
  }

  get size(): number {
    return this.#reasons.size;
  }
}

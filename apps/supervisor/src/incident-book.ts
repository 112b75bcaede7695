// SPDX-License-Identifier: Apache-2.0
// Incidents of all services over all their lives: a service that starts anew knows none of those before.
import type { ServiceIncident, ServiceStats } from '@strongroom/service';

const SHOWN_MS = 86_400_000;
const KEPT_MAX = 256;

export class IncidentBook {
  /** By id, the newest last. */
  readonly #known = new Map<string, { readonly process: string; readonly incident: ServiceIncident }>();

  /** What one process of a service says of its incidents now. */
  take(service: string, index: number, { incidents = [] }: ServiceStats, nowMs = Date.now()): void {
    const process = `${service} ${index}`;
    const now = new Set(incidents.map(({ id }) => id));
    for (const one of incidents.toReversed()) this.#known.set(one.id, { process, incident: { ...one, service } });
    for (const [id, { process: of, incident }] of this.#known) {
      const isLeft = of === process && incident.closedAt === null && !now.has(id); // its process ended without a word
      if (isLeft) this.#known.set(id, { process, incident: { ...incident, closedAt: new Date(nowMs).toISOString() } });
    }
  }

  /** Open ones first, then the newest. */
  list(nowMs = Date.now()): readonly ServiceIncident[] {
    for (const [id, { incident: { closedAt } }] of this.#known) if (closedAt !== null && nowMs - Date.parse(closedAt) >= SHOWN_MS) this.#known.delete(id);
    for (const id of this.#known.keys()) if (this.#known.size > KEPT_MAX) this.#known.delete(id);
    const all = [...this.#known.values()].toReversed().map(({ incident }) => incident);
    return [...all.filter(({ closedAt }) => closedAt === null), ...all.filter(({ closedAt }) => closedAt !== null)];
  }
}

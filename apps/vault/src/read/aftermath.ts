// SPDX-License-Identifier: Apache-2.0
// What the supervisor asks after a dark zone, and nothing else of what is sealed: when something was received last, and what
// rack-monitor sealed of what feeds this appliance. It is a reader then, and each reading is a record.
import { serviceId, type Fields } from '@strongroom/service';
import type { Item } from '@strongroom/evidence';
import type { Reading } from './reading.ts';

/** Records of the feed in one answer, the oldest first: years of an ordinary one. */
const RECORDS_MAX = 20_000;

export interface AftermathFacts {
  readonly reading: Pick<Reading, 'ask' | 'call'>;
  readonly settle: () => Promise<void>;
  readonly record: (event: string, fields: Fields) => void;
  readonly deployment: string;
}

export class Aftermath {
  readonly #facts: AftermathFacts;

  constructor(facts: AftermathFacts) {
    this.#facts = facts;
  }

  /** Of what is published already: what comes now is not of before. Throws what `lastBefore` of last-before.ts throws. */
  async lastBefore(args: unknown): Promise<unknown> {
    this.#note('last-before', args);
    return this.#facts.reading.ask('last-before', args);
  }

  /** Records of protocol "power" that are marked with `feeds`, as text. Throws `Refused('read.query')`. */
  async feedRecords(args: unknown): Promise<readonly string[]> {
    const { reading, settle, deployment } = this.#facts;
    const query = { source: serviceId(deployment, 'rack-monitor'), protocol: 'power', kind: 'data', text: '"feeds":', since: (args as { since?: unknown } | null)?.since, limit: RECORDS_MAX };
    await settle();
    this.#note('search', query);
    const found: string[] = [];
    for await (const { raw } of reading.call<Item>('search', query)) if (raw !== undefined) found.push(raw);
    return found;
  }

  #note(verb: string, query: unknown): void {
    this.#facts.record('vault.reading', { verb, reader: serviceId(this.#facts.deployment, 'supervisor'), query: JSON.stringify(query) });
  }
}

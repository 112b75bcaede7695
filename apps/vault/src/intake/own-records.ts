// SPDX-License-Identifier: Apache-2.0
// The vault is a source like any other: its events and the gaps it sees are records of a stream of its own.
import { KIND, NO_KEY, encodeContext, type RunKind } from '@strongroom/evidence';
import type { Fields, Level } from '@strongroom/service';
import { IN_DEFAULT, type Admitted, type ClassOf, type Gap } from './admission.ts';
import type { World } from '../world.ts';

const PROTOCOL = 'strongroom';

export class OwnRecords {
  readonly #clock: World['clock'];
  readonly #id: string;
  readonly #instance: Buffer;
  readonly #stream: Buffer;
  readonly #class: string;
  #sequence = 0;

  constructor({ clock, random }: Pick<World, 'clock' | 'random'>, id: string, instance: Buffer, classOf: ClassOf = IN_DEFAULT) {
    this.#clock = clock;
    this.#stream = random(16);
    this.#id = id;
    this.#instance = instance;
    this.#class = classOf({ source: id, protocol: PROTOCOL });
  }

  event(event: string, level: Level, fields: Fields = {}): Admitted {
    return this.#record(KIND.event, { event, level, ...fields });
  }

  /** `found` null: the stream stopped without an end record. */
  gap({ source, stream, expected, found }: Gap): Admitted {
    const reason = found === null ? 'ended without an end record' : 'left numbers out';
    return this.#record(KIND.gap, { event: 'vault.stream-gap', level: 'warn', source, stream, expected, found, reason });
  }

  #record(kind: RunKind, body: Readonly<Record<string, unknown>>): Admitted {
    const data = Buffer.from(JSON.stringify(body));
    const lengths = Buffer.alloc(4);
    lengths.writeUInt32BE(data.length);
    const { at: now, bound } = this.#clock.stamp();
    const context = encodeContext({
      kind, flags: 0, receivedAt: now, bound, admittedAt: now, asserter: this.#id, instance: this.#instance,
      source: this.#id, sourceKey: NO_KEY, protocol: PROTOCOL, peer: '', stream: this.#stream,
    });
    const run = { context, receivedAt: now, firstSequence: this.#sequence, count: 1, lengths, data, retentionClass: this.#class };
    this.#sequence += 1;
    return { runs: [run], bytes: data.length, state: null, awaited: false, committed: () => undefined };
  }
}

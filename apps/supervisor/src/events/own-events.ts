// SPDX-License-Identifier: Apache-2.0
// The supervisor's own events: logged like everybody's, and sealed as evidence once the vault is there.
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { AnchoredClock, EventSource, loadIdentity, makeEvent, serviceId, SubmitClient, UNMEASURED, type Fields, type Layout, type Level, type Stamp } from '@strongroom/service';
import type { CoverageRecord } from '@strongroom/service/coverage';
import type { EventLog } from './event-log.ts';
import { CoverageStream } from './coverage-stream.ts';

const EARLY_MAX = 1000;
const SERVICE = 'supervisor';

export class OwnEvents {
  readonly #log: EventLog;
  #early: [string, Level, Fields][] = [];
  #client: SubmitClient | undefined;
  #source: EventSource | undefined;
  #clock: AnchoredClock | undefined;
  readonly #connected = Promise.withResolvers<void>();
  #coverage: CoverageStream | undefined;
  /** What there is to say, as {@link coverage}, before the line is closed. */
  lastWords: (() => Promise<void>) | undefined;

  constructor(log: EventLog) {
    this.#log = log;
  }

  event(event: string, level: Level, fields: Fields = {}): void {
    this.#log.add(makeEvent(SERVICE, event, level, fields));
    if (this.#source !== undefined) this.#source.seal(event, level, fields);
    else if (this.#early.length < EARLY_MAX) this.#early.push([event, level, fields]);
  }

  /** The present moment, and how wrong that may be. */
  stamp(): Stamp {
    return (this.#clock ?? UNMEASURED).stamp();
  }

  /** Seals a sign of life, or what tells of one; only once connected. */
  coverage(record: CoverageRecord): void {
    this.#coverage?.seal(record);
  }

  /** What the vault committed last of what we gave it; empty when that is nothing, or it does not come to telling. */
  async resumeToken(): Promise<Buffer> {
    return (await this.#client?.token.catch(() => undefined)) ?? Buffer.alloc(0);
  }

  /** From here on events are sealed, those before included. */
  connect(paths: Layout, deployment: string): void {
    const identity = () => loadIdentity(paths.identity(SERVICE), paths.ca);
    const { id, keyHash } = identity();
    const clock = this.#clock ??= new AnchoredClock(paths.anchor);
    this.#client = new SubmitClient({
      path: paths.submitSocket(SERVICE), identity, vault: serviceId(deployment, 'vault'), instance: randomBytes(16),
      onFatal: (error) => {
        this.#client?.close();
        [this.#source, this.#coverage] = [undefined, undefined];
        this.connect(paths, deployment);
        this.event('supervisor.vault-forgot', 'error', { code: error.code, why: error.why ?? '' });
      },
    });
    this.#source = new EventSource(this.#client, { service: SERVICE, id, keyHash, clock });
    this.#coverage = new CoverageStream(this.#client, { id, keyHash, clock });
    for (const [event, level, fields] of this.#early.splice(0)) this.#source.seal(event, level, fields);
    this.#connected.resolve();
  }

  /** Resolves when every event until now is sealed. Rejects with `Failed('submit.closed')`. */
  async settled(): Promise<void> {
    await this.#connected.promise;
    // Events of one turn leave together, after it.
    await turn();
    await this.#client?.drain();
  }

  /** Seals the end of our stream, as long as the vault is there to take it. */
  async close(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.#client?.close(), timeoutMs);
    await this.lastWords?.();
    this.#coverage?.close();
    await this.#source?.close('stopped').catch(() => undefined);
    clearTimeout(timer);
    this.#client?.close();
    [this.#source, this.#coverage] = [undefined, undefined];
  }
}

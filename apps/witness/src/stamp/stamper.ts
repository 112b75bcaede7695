// SPDX-License-Identifier: Apache-2.0
// Has checkpoints of the vault stamped by a time stamping authority (RFC 3161 over HTTP), one in each interval. What comes
// back is verified here, and again by the vault before it keeps it. The operator may order one between.
import { hash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed, Refused } from '@strongroom/bytes';
import { TIMESTAMP_BYTES_MAX, encodeTimestampRequest, verifyTimestamp, type TimestampTrust } from '@strongroom/evidence';
import { errorFields, type Fields, type KeptTimestamp } from '@strongroom/service';
import { EVENTS, type EventName, type Say } from '../events.ts';
import { exchange } from '../exchange.ts';
import { isVaultGone, type Published, type VaultLine } from '../carry/vault-line.ts';

/** Between attempts after failures, doubling; each is varied by half, so that many appliances do not ask at once. */
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 600_000;
/** The vault is asked at least so often whether one is due: it may have been started anew. */
const LOOK_MS_MAX = 60_000;
const NONCE_OCTETS = 8;
/** What was ordered waits so long for more to be published than is stamped: the order itself is sealed. */
const ORDERED_MS_MAX = 10_000;
const ORDERED_LOOK_MS = 200;

export interface StampFacts {
  readonly url: string;
  /** Object identifier of the policy to ask for; the authority's default otherwise. */
  readonly policy: string | undefined;
  readonly timeoutMs: number;
  readonly trust: TimestampTrust;
  readonly vault: Pick<VaultLine, 'stampNext' | 'stamped' | 'report'>;
  readonly stop: AbortSignal;
  readonly say: Say;
}

export class Stamper {
  readonly #facts: StampFacts;
  #stamped = 0;
  #failures = 0;
  /** Failures in a row. */
  #failing = 0;
  /** The vault has one checkpoint handed out at a time: attempts take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #woken = Promise.withResolvers<void>();

  constructor(facts: StampFacts) {
    this.#facts = facts;
  }

  get values(): Record<string, number> {
    return { timestamps: this.#stamped, timestampFailures: this.#failures };
  }

  /** Until the service stops. Never rejects: whatever the vault or the authority does, it is tried again. */
  async run(): Promise<void> {
    const { stop } = this.#facts;
    while (!stop.aborted) {
      const waitMs = await this.#inTurn(() => this.#attempt());
      const over = new AbortController();
      await Promise.race([delay(waitMs, undefined, { signal: AbortSignal.any([stop, over.signal]) }).catch(() => undefined), this.#woken.promise]);
      over.abort();
    }
  }

  /**
   * What the operator ordered, of which the vault knows: the first timestamp over more than `after` entries. One attempt; what
   * fails is told, and tried again as ever. Throws `Failed`: `witness.*`, `rpc.*`, and what the vault refuses.
   */
  async now(after: number): Promise<KeptTimestamp> {
    try {
      return await this.#inTurn(() => this.#ordered(after));
    } finally {
      this.#woken.resolve();
      this.#woken = Promise.withResolvers();
    }
  }

  async #ordered(after: number): Promise<KeptTimestamp> {
    const { vault, stop } = this.#facts;
    for (const deadline = performance.now() + ORDERED_MS_MAX; ; await delay(ORDERED_LOOK_MS, undefined, { signal: stop })) {
      const { offer, last } = await vault.stampNext();
      if (last !== null && last.size > after) return last;
      if (offer !== null) return this.#take(offer).catch((error: unknown) => { throw this.#failedOrder(error); });
      if (performance.now() > deadline) {
        throw new Failed('witness.nothing-to-stamp', 'no timestamp was taken', { why: `nothing was published beyond the ${after} entries that are stamped`, fix: 'see "strongroom status" for what holds up sealing' });
      }
    }
  }

  /** What is no timestamp of ours is no fault of the operator. */
  #failedOrder(error: unknown): unknown {
    if (isVaultGone(error)) return error;
    this.#failed(error);
    if (!(error instanceof Refused)) return error;
    return new Failed('witness.timestamp-answer', 'the time stamping authority gave no timestamp that holds', { why: `${error.message} [${error.code}]`, fix: 'see that witness.timestamps names the right authority, and its root', cause: error });
  }

  #inTurn<T>(attempt: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(attempt);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** How long to wait until the next one. */
  async #attempt(): Promise<number> {
    const { vault, stop } = this.#facts;
    try {
      const { offer, dueInMs } = await vault.stampNext();
      if (offer === null) return Math.min(dueInMs, LOOK_MS_MAX);
      await this.#take(offer);
      return 0;
    } catch (error) {
      if (stop.aborted || isVaultGone(error)) return RETRY_MS_MIN;
      this.#failed(error);
      return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failing - 1, 20)) * (0.5 + Math.random());
    }
  }

  async #take({ note, size }: Published): Promise<KeptTimestamp> {
    const kept = await this.#facts.vault.stamped(size, await this.stamp(Buffer.from(note)));
    this.#succeeded();
    return kept;
  }

  /** The authority's answer over these octets, verified. Throws `Failed`: `witness.*`; `Refused`: `timestamp.*`, `der.*`. */
  async stamp(octets: Buffer): Promise<Buffer> {
    const { url, policy, timeoutMs, trust, stop } = this.#facts;
    const nonce = BigInt(`0x${randomBytes(NONCE_OCTETS).toString('hex')}`);
    const body = encodeTimestampRequest({ imprint: hash('sha256', octets, 'buffer'), nonce, policy });
    const answer = await exchange({ method: 'POST', url, body, contentType: 'application/timestamp-query', timeoutMs, bytesMax: TIMESTAMP_BYTES_MAX, signal: stop });
    if (answer.status !== 200) throw new Failed('witness.timestamp-status', `the time stamping authority answers ${answer.status}`, { why: 'only 200 is an answer, and nothing is followed', fix: 'see that witness.timestamps.url is right' });
    verifyTimestamp(answer.body, octets, trust, { nonce, policy });
    return answer.body;
  }

  #succeeded(): void {
    this.#stamped += 1;
    if (this.#failing > 0) this.#tell('witness.timestamp-back', { failures: this.#failing });
    this.#failing = 0;
  }

  /** Said once, until it works again. */
  #failed(error: unknown): void {
    this.#failures += 1;
    this.#failing += 1;
    if (this.#failing === 1) this.#tell('witness.timestamp-failed', { authority: new URL(this.#facts.url).host, ...errorFields(error) });
  }

  /** Said, and sealed. */
  #tell(event: EventName, fields: Fields): void {
    this.#facts.say(event, fields);
    void this.#facts.vault.report(event, EVENTS[event], fields).catch(() => undefined);
  }
}

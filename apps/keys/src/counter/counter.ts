// SPDX-License-Identifier: Apache-2.0
// The hardware counter: a number outside the disk that a rollback of the whole home cannot roll back. A step, and what a
// crash leaves:
//   1. the statement for the next value, signed, durable     ahead of the counter by one, which is accepted
//   2. the counter's step                                    both agree
// So a home whose statement is behind the counter is older than what this deployment has been. At the first step of all the
// TPM chooses the value:
//   1. what it will be, as far as the TPM lets that be known, durable    believed of no counter that does not show just that
//   2. the counter's step                                               borne out by what was said of it
//   3. the statement                                                    both agree
// Where it cannot be known beforehand, a crash between 2 and 3 is refused at the next start.
import { hash, X509Certificate } from 'node:crypto';
import { Failed, Refused } from '@strongroom/bytes';
import { checkApproved, decodeOrderFile, openCheckpoint, parseVkey, vkeyLine, type Checkpoint, type CounterStatement } from '@strongroom/evidence';
import { mayApprove, type Check } from '@strongroom/service';
import type { DestructionFacts } from '../destruction.ts';
import type { Hsm } from '../hsm.ts';
import type { Keyring } from '../keyring.ts';
import { checkOrigin } from '../log-keys.ts';
import { judgeCounter, statementInForce } from './judge.ts';
import { FIRST_FILE, keepStatement, readStatement, signStatement, STATEMENT_FILE } from './statement-file.ts';
import type { HardwareCounter } from './tpm.ts';

/** Hardware takes only so many writes: who starts again and again steps no more often than this. */
const STEP_MS_MIN = 60_000;

export interface CounterStanding {
  /** Null before the first step. */
  readonly value: number | null;
  readonly statement: CounterStatement | null;
}

export class Counter {
  readonly #hardware: HardwareCounter;
  readonly #hsm: Pick<Hsm, 'use'>;
  readonly #facts: DestructionFacts;
  readonly #stepMsMin: number;
  #steppedMs = -Infinity;
  /** One after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(hardware: HardwareCounter, hsm: Pick<Hsm, 'use'>, facts: DestructionFacts, stepMsMin: number = STEP_MS_MIN) {
    [this.#hardware, this.#hsm, this.#facts, this.#stepMsMin] = [hardware, hsm, facts, stepMsMin];
  }

  /** Throws `Failed('keys.counter-away')`, `Refused`: `keys.counter-*`. */
  read(): Promise<CounterStanding> {
    return this.#inTurn(() => this.#judged());
  }

  /** A step, for a checkpoint that is published, unless the last one was less than a minute ago. Resolves with the value. Throws the same, and `Refused`: `note.*`, `checkpoint.*`, `keys.counter-size`. */
  advance(note: string): Promise<number> {
    return this.#inTurn(async () => {
      const checkpoint = await this.#hsm.use((ring) => ownCheckpoint(ring, note));
      const { statement, value } = await this.#judged();
      if (statement !== null && (statement.origin !== checkpoint.origin || statement.size > checkpoint.size)) {
        throw new Refused('keys.counter-size', 'the checkpoint is older than what the counter was stepped for', { why: `it is of ${checkpoint.origin} and ${checkpoint.size} entries, after ${statement.origin} and ${statement.size}` });
      }
      if (value !== null && performance.now() - this.#steppedMs < this.#stepMsMin) return value;
      return this.#step(checkpoint);
    });
  }

  /**
   * The log that goes on where two custodians gave another up, whatever the counter says of that one; where the statement is
   * of this log already, or the counter is new, nothing happens, and false comes back. Throws `Refused`: `keys.counter-order`, `order.*`, `approval.*`.
   */
  accept(bytes: Buffer, origin: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const [statement, value] = [await this.#hsm.use((ring) => readStatement(ring)), await this.#hardware.read()];
      if (statement?.origin === origin || (statement === null && value === null)) return false;
      await this.#hsm.use((ring) => this.#judgeOrder(ring, bytes, origin, statement));
      await this.#step({ origin, size: 0, root: hash('sha256', '', 'buffer') });
      return true;
    });
  }

  /** For `keys check`. */
  async check(): Promise<Check> {
    const { name } = this.#hardware;
    try {
      const { value, statement } = await this.read();
      if (value === null || statement === null) return { code: 'keys.counter', state: 'weak', detail: `${name} was not stepped yet` };
      return { code: 'keys.counter', state: 'ok', detail: `${name} stands at ${value}; the last statement is of ${statement.counter}, when the log had ${statement.size} entries` };
    } catch (error) {
      if (error instanceof Failed && error.code === 'keys.counter-away') return { code: 'keys.counter', state: 'weak', detail: `${name}: ${error.message}: ${error.why}` };
      if (error instanceof Refused) return { code: 'keys.counter', state: 'bad', detail: `${error.message}: ${error.why}` };
      throw error;
    }
  }

  async #judged(): Promise<CounterStanding> {
    const value = await this.#hardware.read();
    const statement = await this.#hsm.use((ring) => statementInForce(readStatement(ring), readStatement(ring, FIRST_FILE), value));
    judgeCounter(this.#hardware.name, statement, value);
    return { value, statement };
  }

  async #step(checkpoint: Checkpoint): Promise<number> {
    this.#steppedMs = performance.now();
    const value = await this.#hardware.read();
    if (value === null) return this.#stepFirst(checkpoint);
    await this.#state({ counter: value + 1, ...checkpoint });
    const stepped = await this.#hardware.increment();
    if (stepped === value + 1) return stepped;
    throw new Refused('keys.counter-rollback', 'somebody else steps this counter', { why: `${this.#hardware.name} went from ${value} to ${stepped}`, fix: 'give each Strongroom a keys.counter.index of its own' });
  }

  async #stepFirst(checkpoint: Checkpoint): Promise<number> {
    const expected = await this.#hardware.firstValue();
    if (expected !== null) await this.#state({ counter: expected, ...checkpoint }, FIRST_FILE);
    const first = await this.#hardware.increment();
    await this.#state({ counter: first, ...checkpoint });
    return first;
  }

  async #state(statement: CounterStatement, file: typeof STATEMENT_FILE | typeof FIRST_FILE = STATEMENT_FILE): Promise<void> {
    const note = await this.#hsm.use((ring) => signStatement(ring, statement));
    await keepStatement(this.#facts.directory, note, file);
  }

  #judgeOrder({ founded }: Keyring, bytes: Buffer, origin: string, statement: CounterStatement | null): void {
    const file = decodeOrderFile(bytes);
    const { order } = file;
    checkOrigin(origin, founded.deployment);
    if (order.kind !== 'accept-rollback' || order.origin === origin || (statement !== null && statement.origin !== order.origin)) {
      throw new Refused('keys.counter-order', 'this order does not accept that the counter is ahead', { why: `it is to ${order.kind} of ${order.origin}; the counter was last stepped for ${statement?.origin ?? 'no log that is known here'}`, fix: 'see "strongroom recover --help"' });
    }
    const { registry, now } = this.#facts;
    checkApproved(file, {
      origin: checkOrigin(order.origin, founded.deployment), authority: new X509Certificate(founded.caPem).raw, now: now(),
      mayApprove: (custodian, { created }) => mayApprove(registry(), custodian, Number(created / 1_000_000n)),
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

/** One that a key of the log signed. */
function ownCheckpoint({ logKeys }: Keyring, note: string): Checkpoint {
  const [origin = ''] = note.split('\n', 1);
  const keys = logKeys.epochs.filter((epoch) => epoch.origin === origin).map((epoch) => parseVkey(vkeyLine(origin, Buffer.from(epoch.spki, 'base64'))));
  for (const key of keys.slice(1).toReversed()) {
    try {
      return openCheckpoint(note, key);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'note.signature') throw error;
    }
  }
  if (keys.length === 0) throw new Refused('keys.malformed', `"${origin.slice(0, 100)}" is no log of this deployment`);
  return openCheckpoint(note, keys[0]!);
}

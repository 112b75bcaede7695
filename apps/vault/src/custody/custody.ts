// SPDX-License-Identifier: Apache-2.0
// Holds, orders and destructions, one after the other: asked for by people, and gone on with after a crash.
import { Refused } from '@strongroom/bytes';
import { decodeApproval, decodeOrderFile, encodeOrderFile, judgeApprovals, type JudgedApproval, type OrderFile } from '@strongroom/evidence';
import type { CustodyFacts } from '@strongroom/service';
import { buckets, sums, type Bucket } from './buckets.ts';
import { CarryingOut, isApproved } from './carrying-out.ts';
import { condemnedKeys } from './condemned.ts';
import { approvalRules, finishDestroy } from './destruction.ts';
import { drawDestroy, drawRelease } from './drawing.ts';
import { Holds, type HoldFacts, type HoldRequest } from './holds.ts';
import { withApproval } from '../commit/order-files.ts';
import type { CustodyTools } from './tools.ts';
import { MINUTE_MS, Turns } from './turns.ts';

export interface Ordered {
  readonly file: OrderFile;
  readonly judged: readonly JudgedApproval[];
  readonly isApproved: boolean;
  /** Why it could not be carried out, last. */
  readonly failure: string | null;
}

export class Custody {
  readonly #tools: CustodyTools;
  readonly holds: Holds;
  readonly #turns: Turns;
  readonly #carrying: CarryingOut;
  readonly #proposed = new Set<string>();
  readonly #checkMs: number;
  #checkedAt = -Infinity;
  #cancel: () => void = () => undefined;
  /** Counted when something was done, since that reads files. */
  #waiting = 0;
  #due = 0;

  constructor(tools: CustodyTools, checkMinutes: number) {
    this.#tools = tools;
    this.#checkMs = checkMinutes * MINUTE_MS;
    this.holds = new Holds(tools);
    this.#turns = new Turns(tools, { goOn: () => this.#goOn(), done: () => this.#count() });
    this.#carrying = new CarryingOut(tools, this.holds, () => this.#turns.later('going on', () => this.#goOn()));
  }

  /** Keys that orders wait for are used no more: before anything is sealed. */
  get condemned(): Set<string> {
    return condemnedKeys(this.#tools);
  }

  /** Goes on with what a crash interrupted, and looks around from then on. */
  start(): void {
    void this.#look();
  }

  close(): void {
    this.#turns.close();
    this.#cancel();
  }

  /** A segment was closed: holds may keep it. */
  closed(): void {
    if (!this.#turns.isClosed && this.#tools.state.holds.size > 0) this.#turns.later('judging holds', () => this.holds.judge());
  }

  get facts(): CustodyFacts {
    const { state: { holds, destroying } } = this.#tools;
    return { holds: holds.size, waiting: this.#waiting, destroying: destroying.size, due: this.#due, failure: [...this.#turns.failures.values()][0] ?? null };
  }

  async place(request: HoldRequest): Promise<HoldFacts> {
    const hold = await this.#turns.inTurn(() => this.holds.place(request));
    const { by, reference } = request;
    this.#tools.say('vault.hold-placed', 'warn', { hold, by, reference });
    await this.#turns.inTurn(() => this.holds.judge());
    return this.holds.list().find((one) => one.hold === hold)!;
  }

  buckets(): Promise<Bucket[]> {
    return this.#turns.inTurn(async () => {
      await this.#tools.log.settle();
      return buckets(this.#tools, this.holds);
    });
  }

  /** Orders that wait, with what their approvals are worth now. */
  orders(): Ordered[] {
    return this.#tools.orders.pending().map((file) => this.#ordered(file));
  }

  #ordered(file: OrderFile): Ordered {
    const failure = this.#turns.failures.get(file.order.id) ?? null;
    try {
      return { file, judged: judgeApprovals(file, approvalRules(this.#tools)), isApproved: isApproved(file, this.#tools), failure };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { file, judged: [], isApproved: false, failure: error.message };
    }
  }

  /** See {@link drawDestroy}. */
  drawDestroy(name: string, reason: string | undefined): Promise<OrderFile> {
    return this.#turns.inTurn(() => drawDestroy(this.#tools, this.holds, name, reason));
  }

  /** See {@link drawRelease}. */
  drawRelease(hold: string, reason: string): Promise<OrderFile> {
    return this.#turns.inTurn(() => drawRelease(this.#tools, hold, reason));
  }

  /**
   * Adds approvals to an order that waits; with the second that counts it is carried out. Throws `Refused`: `order.unknown`,
   * `order.expired`, `order.changed`, `approve.twice`, `approval.*`.
   */
  approve(id: string, approvals: readonly string[], text?: string): Promise<Ordered> {
    return this.#turns.inTurn(async () => {
      let file = this.#tools.orders.find(id);
      if (text !== undefined && text !== file.text) throw new Refused('order.changed', `the order ${id} is another one than waits here`);
      if (this.#tools.world.clock.nowNs() > file.order.expires) throw new Refused('order.expired', `the order ${id} has expired`, { fix: 'draw it up again' });
      for (const one of approvals) {
        file = withApproval(file, decodeApproval(one));
        const { refusal, approval } = judgeApprovals(file, approvalRules(this.#tools)).at(-1)!;
        if (refusal !== null) throw refusal;
        this.#tools.say('vault.order-approved', 'warn', { order: id, custodian: approval.custodian });
      }
      await this.#tools.orders.put(file);
      if (isApproved(file, this.#tools)) this.#turns.later(`the order ${id}`, () => this.#carrying.carryOut(file), id);
      return this.#ordered(file);
    });
  }

  /** From a file that custodians signed elsewhere: approvals that are not known yet are added. */
  submit(bytes: Buffer): Promise<Ordered> {
    const given = decodeOrderFile(bytes);
    const known = this.#tools.orders.find(given.order.id).approvals.map(({ custodian }) => custodian);
    const texts = encodeOrderFile(given).toString().split('\n\n').slice(1).map((part) => (part.endsWith('\n') ? part : `${part}\n`));
    return this.approve(given.order.id, texts.filter((_, i) => !known.includes(given.approvals[i]!.custodian)), given.text);
  }

  /** Each minute: what a failure held up; now and then: what is over its time. */
  async #look(): Promise<void> {
    if (this.#turns.isClosed) return;
    this.#turns.later('going on', () => this.#goOn());
    const now = this.#tools.world.clock.nowMs();
    if (now - this.#checkedAt >= this.#checkMs) {
      this.#checkedAt = now;
      this.#turns.later('looking for what is over its time', () => this.#propose());
    }
    await this.#turns.settled();
    if (!this.#turns.isClosed) this.#cancel = this.#tools.world.clock.after(MINUTE_MS, () => void this.#look());
  }

  /** Each by itself: what one fails with stops no other. */
  #goOn(): Promise<void> {
    return this.#turns.round(async () => {
      const [{ state, orders }, turns] = [this.#tools, this.#turns];
      for (const entry of state.destroying.values()) await turns.attempt(`destroying ${entry.class}/${entry.bucket}`, () => finishDestroy(this.#tools, entry), entry.order);
      for (const hold of this.holds.ended()) await turns.attempt(`the end of the hold ${hold}`, () => this.holds.resume(hold));
      for (const file of orders.pending()) {
        const { id } = file.order;
        if (!state.destroying.has(id)) await turns.attempt(`the order ${id}`, () => this.#carrying.goOnWith(file), id);
      }
      if (state.holds.size > 0) await turns.attempt('judging holds', () => this.holds.judge());
    });
  }

  async #propose(): Promise<void> {
    const due = (await buckets(this.#tools, this.holds)).filter(({ isExpired, segments, held }) => isExpired && held.length < segments.length);
    this.#due = due.length;
    for (const { name, segments, held } of due) {
      if (this.#proposed.has(name)) continue;
      this.#proposed.add(name);
      this.#tools.say('vault.destruction-proposed', 'warn', { bucket: name, segments: segments.length, held: held.length, records: sums(segments).records });
    }
  }

  #count(): void {
    let pending;
    try {
      pending = this.#tools.orders.pending();
    } catch {
      return; // A directory that cannot be read fails what needs it; a count stays as it was.
    }
    this.#waiting = pending.length;
    const open = new Set([...pending.map(({ order }) => order.id), ...this.#tools.state.destroying.keys()]);
    for (const id of this.#turns.failures.keys()) if (!open.has(id)) this.#turns.failures.delete(id);
  }
}

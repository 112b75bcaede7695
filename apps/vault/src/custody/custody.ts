// SPDX-License-Identifier: Apache-2.0
// Holds, orders and destructions, one after the other: drawn up, approved, carried out, and gone on with after a crash.
import { Refused } from '@strongroom/bytes';
import {
  checkApproved, decodeApproval, decodeOrderFile, encodeOrderFile, judgeApprovals, newOrderFile, rangesOf,
  type DestroyOrder, type JudgedApproval, type Order, type OrderFile, type ReleaseOrder,
} from '@strongroom/evidence';
import { errorFields, type CustodyFacts } from '@strongroom/service';
import { buckets, sums, type Bucket } from './buckets.ts';
import { condemnedKeys } from './condemned.ts';
import { approvalRules, carryOutDestroy, finishDestroy, timeOf, underKeys } from './destruction.ts';
import { Holds, type HoldFacts, type HoldRequest } from './holds.ts';
import { withApproval } from '../commit/order-files.ts';
import type { CustodyTools } from './tools.ts';

const HOUR_NS = 3_600_000_000_000n;
const MINUTE_MS = 60_000;
/** What failed is tried again after so long, then after twice that, up to a minute. */
const AGAIN_MS = 1000;

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
  /** What is done is done one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #failures = new Map<string, string>();
  readonly #proposed = new Set<string>();
  readonly #checkMs: number;
  #checkedAt = -Infinity;
  #cancel: () => void = () => undefined;
  #againMs = AGAIN_MS;
  /** Of attempts, by what the world did to them. */
  #failedCount = 0;
  #cancelAgain: (() => void) | null = null;
  #closed = false;
  /** Counted when something was done, since that reads files. */
  #waiting = 0;
  #due = 0;

  constructor(tools: CustodyTools, checkMinutes: number) {
    this.#tools = tools;
    this.#checkMs = checkMinutes * MINUTE_MS;
    this.holds = new Holds(tools);
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
    this.#closed = true;
    this.#cancel();
    this.#cancelAgain?.();
  }

  /** A segment was closed: holds may keep it. */
  closed(): void {
    if (!this.#closed && this.#tools.state.holds.size > 0) this.#later('judging holds', () => this.holds.judge());
  }

  get facts(): CustodyFacts {
    const { state: { holds, destroying } } = this.#tools;
    return { holds: holds.size, waiting: this.#waiting, destroying: destroying.size, due: this.#due, failure: [...this.#failures.values()][0] ?? null };
  }

  async place(request: HoldRequest): Promise<HoldFacts> {
    const hold = await this.#inTurn(() => this.holds.place(request));
    const { by, reference } = request;
    this.#tools.say('vault.hold-placed', 'warn', { hold, by, reference });
    await this.#inTurn(() => this.holds.judge());
    return this.holds.list().find((one) => one.hold === hold)!;
  }

  buckets(): Promise<Bucket[]> {
    return this.#inTurn(async () => {
      await this.#tools.log.settle();
      return buckets(this.#tools, this.holds);
    });
  }

  /** Orders that wait, with what their approvals are worth now. */
  orders(): Ordered[] {
    return this.#tools.orders.pending().map((file) => this.#ordered(file));
  }

  #ordered(file: OrderFile): Ordered {
    const failure = this.#failures.get(file.order.id) ?? null;
    try {
      return { file, judged: judgeApprovals(file, approvalRules(this.#tools)), isApproved: isApproved(file, this.#tools), failure };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { file, judged: [], isApproved: false, failure: error.message };
    }
  }

  /**
   * The order to destroy a bucket: the one that waits, or a new one. Throws `Refused`: `order.no-bucket`, `order.reason` (it
   * is not over its time), `order.all-held`, `order.under-way`, `order.too-many`.
   */
  drawDestroy(name: string, reason: string | undefined): Promise<OrderFile> {
    return this.#inTurn(async () => {
      const waiting = this.#tools.orders.pending().find(({ order }) => order.kind === 'destroy' && `${order.class}/${order.bucket}` === name && order.expires > this.#now);
      if (waiting !== undefined) return waiting;
      if ([...this.#tools.state.destroying.values()].some((entry) => `${entry.class}/${entry.bucket}` === name)) throw new Refused('order.under-way', `${name} is being destroyed`, { fix: 'see "strongroom destruction list"' });
      const seen = await this.#bucket(name);
      if (!seen.isExpired && reason === undefined) throw new Refused('order.reason', `${name} is not over its time`, { why: 'what is destroyed early needs its reason', fix: `add --reason 'erasure request 2026-17'` });
      const file = newOrderFile(await this.#destroyOrder(seen, reason));
      await this.#put(file);
      return file;
    });
  }

  async #bucket(name: string): Promise<Bucket> {
    const all = await buckets(this.#tools, this.holds);
    const found = all.find((one) => one.name === name);
    if (found === undefined || found.segments.length === 0) throw new Refused('order.no-bucket', `there is no bucket "${name.slice(0, 80)}" that could be destroyed`, { why: `there are ${all.filter(({ segments }) => segments.length > 0).map((one) => one.name).join(', ') || 'none'}`.slice(0, 500), fix: 'see "strongroom destruction list"' });
    if (found.held.length === found.segments.length) throw new Refused('order.all-held', `all of ${name} is held`, { why: `${found.held.length} segments`, fix: 'see "strongroom hold list"' });
    return found;
  }

  /** What is sealed from now on lies under other keys: then the set of segments stands still. */
  async #destroyOrder(seen: Bucket, reason: string | undefined): Promise<DestroyOrder> {
    await this.#tools.log.retire(new Set([...this.condemned, ...seen.keys]));
    const now = await this.#bucket(seen.name);
    const { retentionClass, bucket } = now;
    const keys = now.keys.filter((key) => seen.keys.includes(key));
    const { segments, held } = underKeys(now, keys);
    const { records, bytes, from, to } = sums(segments);
    return {
      kind: 'destroy', ...this.#common(reason ?? this.#expiryReason(retentionClass)), class: retentionClass, bucket, keys,
      segments: rangesOf(segments.map(({ segment }) => segment)), held: rangesOf(held), records, bytes, from, to,
    };
  }

  #expiryReason(retentionClass: string): string {
    const known = this.#tools.classes.find(({ name }) => name === retentionClass);
    const basis = known === undefined ? 'a class of an earlier configuration' : `kept ${known.keepDays} days: ${known.basis}`;
    return `expired: class ${retentionClass}, ${basis}`.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ' ').slice(0, 500).trim();
  }

  /** The order to end a hold. Throws `Refused`: `order.no-hold`, `order.too-many`. */
  drawRelease(hold: string, reason: string): Promise<OrderFile> {
    return this.#inTurn(async () => {
      const waiting = this.#tools.orders.pending().find(({ order }) => order.kind === 'release' && order.hold === hold && order.expires > this.#now);
      if (waiting !== undefined) return waiting;
      if (!this.#tools.state.holds.has(hold)) throw new Refused('order.no-hold', `no hold "${hold.slice(0, 40)}" is in force`, { fix: 'see "strongroom hold list"' });
      await this.#tools.log.settle();
      const order: ReleaseOrder = { kind: 'release', ...this.#common(reason), hold };
      const file = newOrderFile(order);
      await this.#put(file);
      return file;
    });
  }

  #common(reason: string): Pick<Order, 'id' | 'origin' | 'size' | 'root' | 'created' | 'expires' | 'authority' | 'reason'> {
    const { world: { random }, origin, authority, log: { size, root }, orderHours } = this.#tools;
    return { id: random(16).toString('hex'), origin, size, root, created: this.#now, expires: this.#now + BigInt(orderHours) * HOUR_NS, authority: authority(), reason };
  }

  get #now(): bigint {
    return this.#tools.world.clock.nowNs();
  }

  async #put(file: OrderFile): Promise<void> {
    await this.#tools.orders.put(file);
    const { id, kind, reason } = file.order;
    this.#tools.say('vault.order-drawn', 'warn', { order: id, kind, reason });
  }

  /**
   * Adds approvals to an order that waits; with the second that counts it is carried out. Throws `Refused`: `order.unknown`,
   * `order.expired`, `order.changed`, `approve.twice`, `approval.*`.
   */
  approve(id: string, approvals: readonly string[], text?: string): Promise<Ordered> {
    return this.#inTurn(async () => {
      let file = this.#tools.orders.find(id);
      if (text !== undefined && text !== file.text) throw new Refused('order.changed', `the order ${id} is another one than waits here`);
      if (this.#now > file.order.expires) throw new Refused('order.expired', `the order ${id} has expired`, { fix: 'draw it up again' });
      for (const one of approvals) {
        file = withApproval(file, decodeApproval(one));
        const { refusal, approval } = judgeApprovals(file, approvalRules(this.#tools)).at(-1)!;
        if (refusal !== null) throw refusal;
        this.#tools.say('vault.order-approved', 'warn', { order: id, custodian: approval.custodian });
      }
      await this.#tools.orders.put(file);
      if (isApproved(file, this.#tools)) this.#later(`the order ${id}`, () => this.#carryOut(file), id);
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

  /** `isBegun`: the key service noted it in time; it is carried out however late. */
  async #carryOut(file: OrderFile, isBegun = false): Promise<void> {
    const { order } = file;
    const begun = this.#tools.state.destroying.get(order.id);
    if (begun !== undefined) await finishDestroy(this.#tools, begun);
    else if (order.kind === 'destroy') await carryOutDestroy(this.#tools, this.holds, { ...file, order }, isBegun);
    if (order.kind === 'release') await this.#carryOutRelease(file, order, isBegun);
    await this.#tools.log.retire(this.condemned);
  }

  /**
   * Order, and what a crash leaves: 1. the key service notes the order (it still waits); 2. its file into the store (the same);
   * 3. the `release` entry (the hold is over: the next start goes on); 4. wraps, key and text of the hold; 5. it waits no more.
   */
  async #carryOutRelease(file: OrderFile, order: ReleaseOrder, isBegun: boolean): Promise<void> {
    const { orders, keys, log, state, say } = this.#tools;
    const { id, hold } = order;
    const time = timeOf(this.#tools, order, isBegun);
    checkApproved(file, approvalRules(this.#tools, time));
    if (state.holds.has(hold)) {
      await keys.beginOrder(encodeOrderFile(file));
      const approvals = await orders.keep(file);
      await log.enter({ kind: 'release', time, hold, order: id, approvals });
    }
    await this.holds.endRelease(file, hold);
    await orders.forget(id);
    say('vault.hold-released', 'warn', { hold, order: id });
    // An order that this hold held up may be carried out now.
    this.#later('going on', () => this.#goOn());
  }

  /** Each minute: what a failure held up; now and then: what is over its time. */
  async #look(): Promise<void> {
    if (this.#closed) return;
    this.#later('going on', () => this.#goOn());
    const now = this.#tools.world.clock.nowMs();
    if (now - this.#checkedAt >= this.#checkMs) {
      this.#checkedAt = now;
      this.#later('looking for what is over its time', () => this.#propose());
    }
    await this.#turn;
    if (!this.#closed) this.#cancel = this.#tools.world.clock.after(MINUTE_MS, () => void this.#look());
  }

  /** Each by itself: what one fails with stops no other. */
  async #goOn(): Promise<void> {
    const [{ state, orders }, failedBefore] = [this.#tools, this.#failedCount];
    for (const entry of state.destroying.values()) await this.#attempt(`destroying ${entry.class}/${entry.bucket}`, () => finishDestroy(this.#tools, entry), entry.order);
    for (const hold of this.holds.ended()) await this.#attempt(`the end of the hold ${hold}`, () => this.holds.resume(hold));
    for (const file of orders.pending()) {
      const { id } = file.order;
      if (!state.destroying.has(id)) await this.#attempt(`the order ${id}`, () => this.#goOnWith(file), id);
    }
    if (state.holds.size > 0) await this.#attempt('judging holds', () => this.holds.judge());
    if (this.#failedCount === failedBefore) this.#againMs = AGAIN_MS;
  }

  async #goOnWith(file: OrderFile): Promise<void> {
    const { id, expires } = file.order;
    if (this.#tools.orders.kept(id) !== null && !(await this.#isOpen(file))) await this.#tools.orders.forget(id);
    else if (this.#now > expires) await (await this.#isOpen(file) && (await this.#isBegun(file)) ? this.#carryOut(file, true) : this.#expire(file));
    else if (isApproved(file, this.#tools)) await this.#carryOut(file);
  }

  /** Whether the key service noted it before a crash: it judges such an order no more, and destroys by it. */
  async #isBegun(file: OrderFile): Promise<boolean> {
    if (!isApproved(file, this.#tools)) return false;
    try {
      await this.#tools.keys.beginOrder(encodeOrderFile(file));
      return true;
    } catch (error) {
      if (error instanceof Refused) return false;
      throw error;
    }
  }

  /** Whether an order whose file is in the store has still to be carried out: its entry was not committed. */
  async #isOpen({ order }: OrderFile): Promise<boolean> {
    if (order.kind === 'release') return this.#tools.state.holds.has(order.hold);
    return order.kind === 'destroy' && this.#wrapsAnything(order.keys);
  }

  async #wrapsAnything(keys: readonly string[]): Promise<boolean> {
    const { wraps, world: { clock } } = this.#tools;
    return (await wraps.keyIds(() => clock.turn())).values().some((keyId) => keys.includes(keyId));
  }

  async #expire({ order }: OrderFile): Promise<void> {
    await this.#tools.orders.forget(order.id);
    await this.#tools.log.retire(this.condemned);
    this.#tools.say('vault.order-expired', 'warn', { order: order.id, kind: order.kind });
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

  /** A key service that starts again, a disk that is full: what they held up goes on as soon as they let it. */
  #again(): void {
    if (this.#cancelAgain !== null || this.#againMs >= MINUTE_MS) return;
    this.#cancelAgain = this.#tools.world.clock.after(this.#againMs, () => {
      this.#cancelAgain = null;
      this.#againMs *= 2;
      this.#later('going on', () => this.#goOn());
    });
  }

  /** Work that nobody waits for. What it fails with is told, and tried again within a minute. */
  #later(what: string, work: () => Promise<void>, order?: string): void {
    this.#turn = this.#turn.then(() => this.#attempt(what, work, order));
  }

  async #attempt(what: string, work: () => Promise<void>, order?: string): Promise<void> {
    try {
      await work();
      if (order !== undefined) this.#failures.delete(order);
    } catch (error) {
      // Whatever it is, sealing goes on: nothing that custody does is worth ending it.
      if (this.#closed) return;
      if (order !== undefined) this.#failures.set(order, (error as Error).message);
      this.#tools.say('vault.custody-failed', 'error', { during: what, ...errorFields(error) });
      if (error instanceof Refused) return;
      this.#failedCount += 1;
      this.#again();
    } finally {
      this.#count();
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
    for (const id of this.#failures.keys()) if (!open.has(id)) this.#failures.delete(id);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work).finally(() => this.#count());
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** By the same rules as it is carried out by, but for its time. */
function isApproved(file: OrderFile, tools: CustodyTools): boolean {
  try {
    checkApproved(file, approvalRules(tools));
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

// SPDX-License-Identifier: Apache-2.0
// From an approved order to what it orders, and going on with it after a crash.
import { Refused } from '@strongroom/bytes';
import { checkApproved, encodeOrderFile, type OrderFile, type ReleaseOrder } from '@strongroom/evidence';
import { condemnedKeys } from './condemned.ts';
import { approvalRules, carryOutDestroy, finishDestroy, timeOf } from './destruction.ts';
import type { Holds } from './holds.ts';
import type { CustodyTools } from './tools.ts';

export class CarryingOut {
  readonly #tools: CustodyTools;
  readonly #holds: Holds;
  readonly #released: () => void;

  /** `released`: a hold has ended, and what it held up may go on. */
  constructor(tools: CustodyTools, holds: Holds, released: () => void) {
    [this.#tools, this.#holds, this.#released] = [tools, holds, released];
  }

  /** `isBegun`: the key service noted it in time; it is carried out however late. */
  async carryOut(file: OrderFile, isBegun = false): Promise<void> {
    const { order } = file;
    const begun = this.#tools.state.destroying.get(order.id);
    if (begun !== undefined) await finishDestroy(this.#tools, begun);
    else if (order.kind === 'destroy') await carryOutDestroy(this.#tools, this.#holds, { ...file, order }, isBegun);
    if (order.kind === 'release') await this.#release(file, order, isBegun);
    await this.#tools.log.retire(condemnedKeys(this.#tools));
  }

  /** With one that waits: it is finished, carried out, over, or waits on for approvals. */
  async goOnWith(file: OrderFile): Promise<void> {
    const { world: { clock }, orders } = this.#tools;
    const { id, expires } = file.order;
    if (orders.kept(id) !== null && !(await this.#isOpen(file))) await orders.forget(id);
    else if (clock.nowNs() > expires) await (await this.#isOpen(file) && (await this.#isBegun(file)) ? this.carryOut(file, true) : this.#expire(file));
    else if (isApproved(file, this.#tools)) await this.carryOut(file);
  }

  /**
   * Order, and what a crash leaves: 1. the key service notes the order (it still waits); 2. its file into the store (the same);
   * 3. the `release` entry (the hold is over: the next start goes on); 4. wraps, key and text of the hold; 5. it waits no more.
   */
  async #release(file: OrderFile, order: ReleaseOrder, isBegun: boolean): Promise<void> {
    const { orders, keys, log, state, say } = this.#tools;
    const { id, hold } = order;
    const time = timeOf(this.#tools, order, isBegun);
    checkApproved(file, approvalRules(this.#tools, time));
    if (state.holds.has(hold)) {
      await keys.beginOrder(encodeOrderFile(file));
      const approvals = await orders.keep(file);
      await log.enter({ kind: 'release', time, hold, order: id, approvals });
    }
    await this.#holds.endRelease(file, hold);
    await orders.forget(id);
    say('vault.hold-released', 'warn', { hold, order: id });
    this.#released();
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
    const { orders, log, say } = this.#tools;
    await orders.forget(order.id);
    await log.retire(condemnedKeys(this.#tools));
    say('vault.order-expired', 'warn', { order: order.id, kind: order.kind });
  }
}

/** By the same rules as it is carried out by, but for its time. */
export function isApproved(file: OrderFile, tools: CustodyTools): boolean {
  try {
    checkApproved(file, approvalRules(tools));
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

// SPDX-License-Identifier: Apache-2.0
// Those who decide: an operator who places holds and draws orders up, and two custodians who approve, each when they like
// and however often they are interrupted.
import { Failed, Refused } from '@strongroom/bytes';
import type { OrderFile } from '@strongroom/evidence';
import { CUSTODIAN_NAMES, simulatedApproval, type Seeded } from '@strongroom/testing';
import type { Custody } from '../custody/custody.ts';
import type { Query } from '../read/query.ts';
import type { CustodyOracle } from './custody-oracle.ts';
import { Violation, describe } from './violation.ts';

const BY = 'spiffe://simulated.example/reader/operator';

export interface Office {
  /** While the vault takes orders. */
  readonly custody: () => Custody | null;
  readonly oracle: CustodyOracle;
  readonly nowNs: () => bigint;
  readonly note: (line: string) => void;
  readonly fail: (error: Error) => void;
}

export class Operator {
  readonly #office: Office;
  readonly #random: Seeded;
  /** Orders that were drawn up, and who of the custodians is to sign next. */
  readonly #drawn: { readonly file: OrderFile; next: number }[] = [];

  constructor(office: Office, random: Seeded) {
    [this.#office, this.#random] = [office, random];
  }

  /** Something that a person may do at this moment. */
  act(): void {
    const random = this.#random;
    const acts = [() => this.place(this.#query()), () => this.#drawDestroy(), () => this.#drawDestroy(), () => this.#drawRelease()];
    void (random.chance(0.6) ? this.#approve() : random.pick(acts)());
  }

  #query(): Query {
    const random = this.#random;
    if (random.chance(0.6)) return { source: `s${random.below(4)}` };
    return random.chance(0.5) ? { text: random.below(256).toString(16).padStart(2, '0') } : { since: String(this.#office.nowNs() - BigInt(random.below(5000)) * 1_000_000n) };
  }

  place(query: Query): Promise<string | null> {
    return this.#asked('place', async (custody) => {
      const { hold } = await custody.place({ by: BY, reference: 'CASE-1', reason: 'a letter', query });
      this.#office.oracle.placed(hold);
      return hold;
    });
  }

  async #drawDestroy(): Promise<void> {
    const names = await this.#asked('buckets', async (custody) => (await custody.buckets()).map(({ name }) => name));
    if (names !== null && names.length > 0) await this.drawDestroy(this.#random.pick(names));
  }

  drawDestroy(bucket: string): Promise<OrderFile | null> {
    return this.#asked('destroy', async (custody) => this.#draws(await custody.drawDestroy(bucket, 'an erasure request')));
  }

  async #drawRelease(): Promise<void> {
    const holds = [...this.#office.oracle.inForce];
    if (holds.length > 0) await this.drawRelease(this.#random.pick(holds));
  }

  drawRelease(hold: string): Promise<OrderFile | null> {
    return this.#asked('release', async (custody) => this.#draws(await custody.drawRelease(hold, 'closed')));
  }

  #draws(file: OrderFile): OrderFile {
    if (!this.#drawn.some((one) => one.file.order.id === file.order.id)) this.#drawn.push({ file, next: 0 });
    this.#office.oracle.drawn(file.order);
    return file;
  }

  /** The next signature under the newest order that lacks one; now and then one that is there already. */
  async #approve(): Promise<void> {
    const one = this.#random.chance(0.1) ? this.#drawn.at(-1) : this.#drawn.findLast(({ next }) => next < CUSTODIAN_NAMES.length);
    if (one === undefined) return;
    const custodian = Math.min(one.next, CUSTODIAN_NAMES.length - 1);
    if (await this.approve(one.file, custodian)) one.next = custodian + 1;
  }

  /** What it was told of orders holds: each waits with the signatures that the vault has, or was carried out. */
  check(waiting: readonly OrderFile[], wasCarriedOut: (order: string) => boolean, latestNs: bigint): void {
    for (const { file: { order }, next } of this.#drawn) {
      const found = waiting.find((one) => one.order.id === order.id);
      if (found !== undefined && found.approvals.length < next) throw new Violation(`the order ${order.id} had ${next} approvals, and has ${found.approvals.length}`);
      if (found === undefined && order.expires >= latestNs && !wasCarriedOut(order.id)) throw new Violation(`the order ${order.id} was drawn up, has not expired, and neither waits nor was carried out`);
    }
  }

  /** One of the two custodians signs. Whether the vault said that it has the signature. */
  async approve({ text, order }: OrderFile, custodian: number): Promise<boolean> {
    const name = CUSTODIAN_NAMES[custodian]!;
    const approval = simulatedApproval(text, name, this.#office.nowNs());
    this.#office.oracle.approving(order.id, name);
    return (await this.#asked('approve', (custody) => custody.approve(order.id, [approval]))) !== null;
  }

  /** What the vault says no to, or cannot do now, is no violation; what it says yes to it is held to. */
  async #asked<T>(what: string, ask: (custody: Custody) => Promise<T>): Promise<T | null> {
    const { custody, note, fail } = this.#office;
    const present = custody();
    if (present === null) return null;
    try {
      const answer = await ask(present);
      note(`${what}: done`);
      return answer;
    } catch (error) {
      note(`${what}: ${(error as { code?: string }).code ?? 'failed'}`);
      if (!(error instanceof Refused || error instanceof Failed) && !isOfDisk(error)) fail(error instanceof Violation ? error : new Violation(`${what} ended with ${describe(error)}`));
      return null;
    }
  }
}

/** Reading fails with what the system says. */
function isOfDisk(error: unknown): boolean {
  return /^E[A-Z]+$/.test((error as { code?: string }).code ?? '') || /^E[A-Z]+:/.test((error as Error).message);
}

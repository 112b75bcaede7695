// SPDX-License-Identifier: Apache-2.0
// Orders as files: those that wait for approvals in state/vault/orders, and those that were carried out in store/orders,
// where they belong to the evidence and stay.
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { decodeOrderFile, encodeOrderFile, inRanges, type Approval, type DestroyOrder, type OrderFile } from '@strongroom/evidence';
import { listDirectory, putFile, readWhole, removeDurably, type Disk } from '../disk.ts';

const NAME = /^([0-9a-f]{32})\.order$/;
/** Orders that wait at once: more are a mistake. */
const PENDING_MAX = 256;

export class OrderFiles {
  readonly #disk: Disk;
  readonly #pending: string;
  readonly #kept: string;

  constructor(disk: Disk, pending: string, kept: string) {
    [this.#disk, this.#pending, this.#kept] = [disk, pending, kept];
  }

  /** Those that wait; what cannot be read is none. */
  pending(): OrderFile[] {
    return idsIn(this.#disk, this.#pending).flatMap((id) => {
      const file = readOrder(this.#disk, join(this.#pending, `${id}.order`));
      return file === null ? [] : [file];
    });
  }

  /** Throws `Refused('order.unknown')`. */
  find(id: string): OrderFile {
    const file = /^[0-9a-f]{32}$/.test(id) ? readOrder(this.#disk, join(this.#pending, `${id}.order`)) : null;
    if (file !== null) return file;
    throw new Refused('order.unknown', `no order ${id.slice(0, 40)} waits for approvals`, { fix: 'see "strongroom destruction list"' });
  }

  /** Durable when this resolves. Throws `Refused('order.too-many')`. */
  async put(file: OrderFile): Promise<void> {
    const { id } = file.order;
    const ids = idsIn(this.#disk, this.#pending);
    if (!ids.includes(id) && ids.length >= PENDING_MAX) throw new Refused('order.too-many', `${ids.length} orders wait for approvals`, { why: `the limit is ${PENDING_MAX}`, fix: 'wait until some have expired' });
    await putFile(this.#disk, join(this.#pending, `${id}.order`), encodeOrderFile(file));
  }

  async forget(id: string): Promise<void> {
    await removeDurably(this.#disk, join(this.#pending, `${id}.order`));
  }

  /** Into the store, durable; gives the HASH that an entry of the log names. */
  async keep(file: OrderFile): Promise<Buffer> {
    const bytes = encodeOrderFile(file);
    await putFile(this.#disk, join(this.#kept, `${file.order.id}.order`), bytes);
    return hash('sha256', bytes, 'buffer');
  }

  /** The file of an order that is or was carried out. */
  kept(id: string): { readonly file: OrderFile; readonly bytes: Buffer } | null {
    const bytes = readWhole(this.#disk, join(this.#kept, `${id}.order`));
    return bytes === null ? null : { file: decodeOrderFile(bytes), bytes };
  }

  /** The order that ended a hold, if it was carried out. */
  releaseOf(hold: string): OrderFile | null {
    for (const id of idsIn(this.#disk, this.#kept)) {
      const file = readOrder(this.#disk, join(this.#kept, `${id}.order`));
      if (file?.order.kind === 'release' && file.order.hold === hold) return file;
    }
    return null;
  }
}

/** Adds an approval. Throws `Refused('approve.twice')`. */
export function withApproval(file: OrderFile, approval: Approval): OrderFile {
  if (file.approvals.some(({ custodian }) => custodian === approval.custodian)) throw new Refused('approve.twice', `${approval.custodian} has approved this order already`, { why: 'it takes two different custodians', fix: 'have another custodian approve it' });
  return { ...file, approvals: [...file.approvals, approval] };
}

/** Orders of the store to destroy a segment, each with the HASH of its file. Whether one was carried out the log alone says. */
export function* ordersToDestroy(disk: Disk, directory: string, segment: string): Generator<{ readonly order: DestroyOrder; readonly approvals: Buffer }> {
  for (const id of idsIn(disk, directory)) {
    const file = readOrder(disk, join(directory, `${id}.order`));
    if (file?.order.kind === 'destroy' && inRanges(file.order.segments, segment)) yield { order: file.order, approvals: hash('sha256', encodeOrderFile(file), 'buffer') };
  }
}

function idsIn(disk: Disk, directory: string): string[] {
  return listDirectory(disk, directory).flatMap((name) => NAME.exec(name)?.[1] ?? []);
}

function readOrder(disk: Disk, path: string): OrderFile | null {
  const bytes = readWhole(disk, path);
  try {
    return bytes === null ? null : decodeOrderFile(bytes);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

/** The file of an order that was carried out, approvals included. */
export function orderBytes(disk: Disk, directory: string, id: string): Buffer {
  return disk.readFileSync(join(directory, `${id}.order`));
}

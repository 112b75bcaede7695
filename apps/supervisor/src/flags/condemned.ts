// SPDX-License-Identifier: Apache-2.0
// Whether a segment is to be destroyed: by an order in the store that two custodians approved who are enrolled. The vault that
// asks may be captured, and so the directory of orders is in its hands: nothing there may hold us up, and what fails is no order.
import { X509Certificate } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, opendirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { ORDER_FILE_BYTES_MAX, checkApproved, decodeOrderFile, inRanges } from '@strongroom/evidence';
import { mayApprove, type Layout, type Registry } from '@strongroom/service';

/** A link is not followed, and neither a pipe nor a device is waited for. */
const OPEN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** More names than years of orders make are not looked at, and of these only the newest files are read. */
const NAMES_MAX = 16_384;
const ORDERS_READ_MAX = 256;

export interface CondemnedFacts {
  readonly paths: Pick<Layout, 'orders' | 'ca'>;
  /** The log's name. */
  readonly origin: string;
  readonly registry: Registry;
}

/** What the order says is held stays. It may have expired: what was begun in time is carried out however late. */
export function isCondemned(facts: CondemnedFacts, segment: string): boolean {
  return ordersIn(facts.paths.orders).some((path) => names(path, facts, segment));
}

function names(path: string, { paths, origin, registry }: CondemnedFacts, segment: string): boolean {
  try {
    const file = decodeOrderFile(readOrder(path));
    const { order } = file;
    if (order.kind !== 'destroy' || !inRanges(order.segments, segment) || inRanges(order.held, segment)) return false;
    checkApproved(file, {
      origin, authority: new X509Certificate(readFileSync(paths.ca)).raw,
      mayApprove: (custodian, { created }) => mayApprove(registry, custodian, Number(created / 1_000_000n)),
    });
    return true;
  } catch (error) {
    if (error instanceof Refused || isSystemError(error)) return false;
    throw error;
  }
}

/** Throws `Refused('order.malformed')` for what is no file of an order's size, and what the system says. */
function readOrder(path: string): Buffer {
  const file = openSync(path, OPEN);
  try {
    const facts = fstatSync(file);
    if (!facts.isFile() || facts.size > ORDER_FILE_BYTES_MAX) throw new Refused('order.malformed', 'this is no order', { why: 'it is no file of an order\'s size' });
    const bytes = Buffer.alloc(facts.size);
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(file);
  }
}

/** The newest first: what is being destroyed now stands in one of them. */
function ordersIn(directory: string): string[] {
  const paths = namesIn(directory).filter((name) => name.endsWith('.order')).map((name) => join(directory, name));
  const dated = paths.map((path) => ({ path, at: lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }));
  return dated.toSorted((a, b) => b.at - a.at).slice(0, ORDERS_READ_MAX).map(({ path }) => path);
}

function namesIn(path: string): string[] {
  using directory = opendirSync(path);
  const names: string[] = [];
  for (let entry = directory.readSync(); entry !== null && names.length < NAMES_MAX; entry = directory.readSync()) names.push(entry.name);
  return names;
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'errno' in error;
}

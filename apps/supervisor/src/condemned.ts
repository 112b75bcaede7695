// SPDX-License-Identifier: Apache-2.0
// Whether a segment is to be destroyed: by an order in the store that two custodians approved. The vault that asks may be
// captured, so its word is not enough; whether they may approve was judged when the keys were destroyed.
import { X509Certificate } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { ORDER_FILE_BYTES_MAX, checkApproved, decodeOrderFile, inRanges } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service';

export function isCondemned(paths: Layout, deployment: string, segment: string): boolean {
  return ordersIn(paths.orders).some((path) => names(path, paths, deployment, segment));
}

function names(path: string, paths: Layout, deployment: string, segment: string): boolean {
  try {
    if (statSync(path).size > ORDER_FILE_BYTES_MAX) return false;
    const file = decodeOrderFile(readFileSync(path));
    if (file.order.kind !== 'destroy' || !inRanges(file.order.segments, segment)) return false;
    checkApproved(file, { origin: `${deployment}/log`, authority: new X509Certificate(readFileSync(paths.ca)).raw });
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

/** The newest first: what is being destroyed now stands in one of them. */
function ordersIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.order')).map((name) => join(directory, name))
      .toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

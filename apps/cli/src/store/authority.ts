// SPDX-License-Identifier: Apache-2.0
// The CA whose custodians count, for who checks orders: given, or this home's where the log is this home's too.
import { existsSync, readFileSync } from 'node:fs';
import { authorityOf, parseVkey, type NoteKey } from '@strongroom/evidence';
import type { Layout } from '@strongroom/service/client';
import { homeVkey } from '../vkey.ts';

/** The certificate as DER; null: what the orders themselves say must do. Throws `Refused('order.authority')`. */
export function chosenAuthority(given: string | undefined, paths: Layout, key: NoteKey): Buffer | null {
  if (given !== undefined) return authorityOf(readFileSync(given));
  return isHomes(paths, key) && existsSync(paths.ca) ? authorityOf(readFileSync(paths.ca)) : null;
}

function isHomes(paths: Layout, key: NoteKey): boolean {
  try {
    const own = parseVkey(homeVkey(paths));
    return own.name === key.name && own.id.equals(key.id);
  } catch {
    return false;
  }
}

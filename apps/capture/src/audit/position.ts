// SPDX-License-Identifier: Apache-2.0
// How far the audit was sealed, as it stands in the resume token: every event of this boot before `next` is sealed or counted
// as lost, but for those in `missing`. Events end in another order than they begin, so there is no single last one.
import type { ByteReader, ByteWriter } from '@strongroom/bytes';
import { Refused } from '@strongroom/bytes';
import type { Serials } from './serials.ts';

/** Beyond that many, the last one reaches over all further ones: what it covers may be sealed twice, never not at all. */
export const MISSING_MAX = 5;
/** What earlier versions wrote is read as well. */
const READ_MAX = 8;
export const AUDIT_POSITION_BYTES_MAX = 5 + MISSING_MAX * 8;

export interface AuditPosition {
  readonly next: number;
  /** Both ends included, in order. */
  readonly missing: readonly { readonly from: number; readonly to: number }[];
}

/** Null while no event was seen. */
export function positionOf(serials: Serials): AuditPosition | null {
  const { next, missing } = serials;
  if (next === null) return null;
  if (missing.length <= MISSING_MAX) return { next, missing };
  const kept = missing.slice(0, MISSING_MAX);
  kept[MISSING_MAX - 1] = { from: kept[MISSING_MAX - 1]!.from, to: missing.at(-1)!.to };
  return { next, missing: kept };
}

/** `u32 next · u8 count · count × (u32 from · u32 to)` */
export function writePosition(to: ByteWriter, { next, missing }: AuditPosition): void {
  to.u32(next).u8(missing.length);
  for (const hole of missing) to.u32(hole.from).u32(hole.to);
}

/** Throws `Refused`: `capture.token`, `bytes.*`. */
export function readPosition(from: ByteReader): AuditPosition {
  const next = from.u32();
  const count = from.u8();
  if (count > READ_MAX) throw new Refused('capture.token', 'the resume token from the vault cannot be read', { why: `it names ${count} missing ranges` });
  return { next, missing: Array.from({ length: count }, () => ({ from: from.u32(), to: from.u32() })) };
}

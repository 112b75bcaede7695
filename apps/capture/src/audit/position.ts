// SPDX-License-Identifier: Apache-2.0
// How far the audit was sealed, as it stands in the resume token: every event of this boot before `next` is sealed or counted
// as lost, but for those in `missing`. Events end in another order than they begin, so there is no single last one.
import type { ByteReader, ByteWriter } from '@strongroom/bytes';
import { Refused } from '@strongroom/bytes';
import type { Serials } from './serials.ts';

/** Beyond that many, the last one reaches over all further ones: what it covers may be sealed twice, never not at all. */
export const HOLES_MAX = 12;
/** Of the count: the last one reaches over others. */
const JOINED = 0x80;
/** How many versions before wrote at most, and from how many on the last one may reach over others. */
const [READ_BEFORE_MAX, JOINED_BEFORE] = [8, 5];

export interface AuditPosition {
  readonly next: number;
  /** Both ends included, in order. */
  readonly missing: readonly { readonly from: number; readonly to: number }[];
  /** The last one reaches over others, so that some of what it covers was taken. */
  readonly isJoined?: true;
}

/** Null while no event was seen. `resumed`: where this life began; as long as anything is left of a hole that reached over others, so it stays. */
export function positionOf({ next, missing }: Serials, resumed: AuditPosition | null): AuditPosition | null {
  if (next === null) return null;
  const last = resumed?.isJoined === true ? resumed.missing.at(-1)! : null;
  const isLeft = last !== null && missing.some(({ from, to }) => from >= last.from && to <= last.to);
  return joined({ next, missing, ...(isLeft ? { isJoined: true } : {}) }, HOLES_MAX);
}

/** The same with at most so many holes. */
export function joined(position: AuditPosition, holesMax: number): AuditPosition {
  const { next, missing } = position;
  if (missing.length <= holesMax) return position;
  const last = { from: missing[holesMax - 1]!.from, to: missing.at(-1)!.to };
  return { next, missing: [...missing.slice(0, holesMax - 1), last], isJoined: true };
}

/** What it takes in a token. */
export function auditPositionBytes(holes: number): number {
  return 5 + holes * 8;
}

/** `u32 next · u8 count (128 more: the last one reaches over others) · count × (u32 from · u32 to)` */
export function writePosition(to: ByteWriter, { next, missing, isJoined }: AuditPosition): void {
  to.u32(next).u8(missing.length | (isJoined === true ? JOINED : 0));
  for (const hole of missing) to.u32(hole.from).u32(hole.to);
}

/** Of a token of that version. Throws `Refused`: `capture.token`, `bytes.*`. */
export function readPosition(from: ByteReader, version: number): AuditPosition {
  const next = from.u32();
  const octet = from.u8();
  const count = version < 3 ? octet : octet & ~JOINED;
  if (count > (version < 3 ? READ_BEFORE_MAX : HOLES_MAX)) throw new Refused('capture.token', 'the resume token from the vault cannot be read', { why: `it names ${count} missing ranges` });
  const missing = Array.from({ length: count }, () => ({ from: from.u32(), to: from.u32() }));
  return version < 3 ? { next, missing, ...(count >= JOINED_BEFORE ? { isJoined: true } : {}) } : { next, missing, ...(octet === count ? {} : { isJoined: true }) };
}

// SPDX-License-Identifier: Apache-2.0
// One class so far; what a segment holds expires together, so its bucket is the month in which the last of it may go.
const KEPT_DAYS = 400;
const DAY_NS = 24n * 3600n * 1_000_000_000n;

export const RETENTION_CLASS = 'default';

/** The expiry bucket, `YYYY-MM`, of what is sealed at `now`: the month after its last day of retention. */
export function expiryBucket(now: bigint): string {
  const expiry = new Date(Number((now + BigInt(KEPT_DAYS) * DAY_NS) / 1_000_000n));
  const month = new Date(Date.UTC(expiry.getUTCFullYear(), expiry.getUTCMonth() + 1, 1));
  return month.toISOString().slice(0, 7);
}

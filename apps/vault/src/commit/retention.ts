// SPDX-License-Identifier: Apache-2.0
// What a segment holds expires together, so its bucket is the month in which the last of it may go.
const DAY_NS = 24n * 3600n * 1_000_000_000n;

/** The expiry bucket, `YYYY-MM`, of what is sealed at `now` and kept for so long: the month after its last day. */
export function expiryBucket(now: bigint, keepDays: number): string {
  const expiry = new Date(Number((now + BigInt(keepDays) * DAY_NS) / 1_000_000n));
  const month = new Date(Date.UTC(expiry.getUTCFullYear(), expiry.getUTCMonth() + 1, 1));
  return month.toISOString().slice(0, 7);
}

/** Whether the time of a bucket is over: its month has begun, and all that it holds was to be kept until before that. */
export function isExpired(bucket: string, now: bigint): boolean {
  return bucket <= new Date(Number(now / 1_000_000n)).toISOString().slice(0, 7);
}

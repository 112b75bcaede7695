// SPDX-License-Identifier: Apache-2.0
// When its producer says that a record was made, as far as its first octets tell: `<PRI>1 TIMESTAMP ` (RFC 5424 section 6.2.3), or
// `<PRI>TIMESTAMP ` with a time of RFC 3339, which rsyslog forwards. A time of RFC 3164 has neither year nor zone: it claims nothing
// that could be held against a clock.

export interface ClaimedTime {
  /** Nanoseconds since 1970, UTC. */
  readonly atNs: bigint;
  /** It is cut off to this: the record was made within so much after `atNs`. */
  readonly resolutionNs: number;
}

/** The longest header up to the end of its time. */
const HEADER_BYTES_MAX = 48;
const HEADER = /^<[0-9]{1,3}>(?:1 )?([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2}) /;

/** Null where it claims none, or one that there is not. `beginning`: of a record, at least up to its time. */
export function claimedTime(beginning: Buffer): ClaimedTime | null {
  const [, second, fraction = '', zone] = HEADER.exec(beginning.toString('latin1', 0, HEADER_BYTES_MAX)) ?? [];
  if (second === undefined) return null;
  const ms = Date.parse(`${second}${zone!}`);
  if (Number.isNaN(ms)) return null;
  return { atNs: BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0')), resolutionNs: 10 ** (9 - fraction.length) };
}

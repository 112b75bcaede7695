// SPDX-License-Identifier: Apache-2.0

/** The wall clock: nanoseconds since 1970, UTC. Node reads it in µs or better; nothing is said of its error here. */
export function nowNs(): bigint {
  return Temporal.Now.instant().epochNanoseconds;
}

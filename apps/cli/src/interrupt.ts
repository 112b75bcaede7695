// SPDX-License-Identifier: Apache-2.0

/** Aborted by Ctrl-C, SIGTERM, a closed terminal, or with another signal: a verb that runs until then ends in order. */
export function untilInterrupted(...also: readonly AbortSignal[]): AbortSignal {
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, stop);
  return AbortSignal.any([interrupted.signal, ...also]);
}

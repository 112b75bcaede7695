// SPDX-License-Identifier: Apache-2.0
// For tests: one kernel, one audit. Files of tests that change its rules or count all that it tells take turns.
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** In the abstract namespace: it is free again when its process is gone, however that ended. */
const NAME = '\0strongroom-tests-of-the-kernel';
const POLL_MS = 200;

/**
 * Resolves when no other process uses the kernel's audit or eBPF for tests; from then on none does while this one lives.
 * To be awaited before {@link auditMissing} is asked, which would find another's auditd.
 */
export async function kernelAlone(): Promise<void> {
  while (!await taken()) await delay(POLL_MS);
}

function taken(): Promise<boolean> {
  const server = createServer((socket) => socket.destroy()).unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen(NAME, () => resolve(true));
  });
}

// SPDX-License-Identifier: Apache-2.0
// Exit codes between services and their supervisor, docs/ARCHITECTURE.md.
import { Failed, Refused } from '@strongroom/bytes';

export const EXIT = { stopped: 0, bug: 1, restart: 75, configuration: 78 } as const;

/**
 * How a service that cannot go on shall end: refused input (configuration, a store that is older than remembered) needs
 * a person, a failure of the world (fsync, HSM) may pass with a restart, and anything else is a bug.
 */
export function exitCodeFor(error: unknown): number {
  if (error instanceof Refused) return EXIT.configuration;
  if (error instanceof Failed) return EXIT.restart;
  return EXIT.bug;
}

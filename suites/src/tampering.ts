// SPDX-License-Identifier: Apache-2.0
// Ways to tamper with a store, each with what verification must call it. They need a store and its public key, nothing
// of who made it: stores built in memory and copies of a real vault's are treated alike.
import type { Subject, Tampering } from './tampered-files.ts';
import { commitTamperings } from './tampering-commit.ts';
import { logTamperings } from './tampering-log.ts';
import { segmentTamperings } from './tampering-segment.ts';

/** All that this store has something for. */
export function tamperings(subject: Subject): Tampering[] {
  return [...logTamperings(subject), ...segmentTamperings(subject), ...commitTamperings(subject)];
}

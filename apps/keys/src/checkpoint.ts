// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';

const OCTETS_MAX = 1024;
/** C2SP tlog-checkpoint without extension lines: origin, size, root hash. */
const CHECKPOINT = /^[^\s+]{1,512}\n(0|[1-9]\d{0,19})\n[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n$/;

/** The log's key signs checkpoints and nothing else: whoever reaches the socket gets no other text signed. Throws `Refused('keys.not-a-checkpoint')`. */
export function checkCheckpoint(message: Buffer): Buffer {
  if (message.length <= OCTETS_MAX && CHECKPOINT.test(message.toString('latin1'))) return message;
  throw new Refused('keys.not-a-checkpoint', 'the log\'s key does not sign this text', {
    why: `it has ${message.length} octets and is not origin, size and root hash on three lines`,
    fix: 'ask for the signature of a checkpoint of docs/FORMAT.md, section 4',
  });
}

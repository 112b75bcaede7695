// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';

const REASON_CHARACTERS_MAX = 500;

/** A reason that can stand in an order. Throws `Refused('usage.reason')`. */
export function orderReason(reason: string | undefined, example: string, what = 'reason'): string {
  const given = reason?.trim() ?? '';
  if (given.length <= REASON_CHARACTERS_MAX && /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+$/u.test(given)) return given;
  throw new Refused('usage.reason', `this needs its ${what}`, {
    why: given === '' ? 'it is part of the evidence' : `one line of at most ${REASON_CHARACTERS_MAX} characters is possible`, fix: example,
  });
}

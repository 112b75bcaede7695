// SPDX-License-Identifier: Apache-2.0
// What a hardware counter and the last statement about it say of each other. A statement is durable before the counter's
// step, so that a crash between the two leaves a statement that is ahead by one.
import { Refused } from '@strongroom/bytes';
import type { CounterStatement } from '@strongroom/evidence';

const FIX = 'put the newest home back; if it is gone: "strongroom recover --help"';

/**
 * What to judge by: the last statement; before there is one, what was said of the first step if that is what the counter
 * shows. A home that is put back to that moment later finds a counter beyond it.
 */
export function statementInForce(last: CounterStatement | null, first: CounterStatement | null, value: number | null): CounterStatement | null {
  return last ?? (first !== null && value === first.counter ? first : null);
}

/** `new`: neither was ever used. Throws `Refused`: `keys.counter-rollback`, `keys.counter-lost`, `keys.counter-other`. */
export function judgeCounter(name: string, statement: CounterStatement | null, value: number | null): 'new' | 'good' {
  if (statement === null && value === null) return 'new';
  if (statement === null) {
    throw new Refused('keys.counter-rollback', 'the home is older than the hardware counter', {
      why: `${name} stands at ${value}, and this home has no statement about it`, fix: `${FIX}; if this home never had this counter, set keys.counter.index to another`,
    });
  }
  if (value === null) {
    throw new Refused('keys.counter-lost', 'the hardware counter is gone', {
      why: `${name} was never used, and this home has seen it at ${statement.counter}`, fix: 'bring its TPM back; if that is gone for good, move secrets/keys/counter aside, and the next start says that it begins anew',
    });
  }
  if (value === statement.counter || value === statement.counter - 1) return 'good';
  if (value > statement.counter) {
    throw new Refused('keys.counter-rollback', 'the home is older than the hardware counter', {
      why: `${name} stands at ${value}; this home last knew ${statement.counter}, when its log had ${statement.size} entries`, fix: FIX,
    });
  }
  throw new Refused('keys.counter-other', 'the hardware counter is another one', {
    why: `${name} stands at ${value}, and this home has seen it at ${statement.counter - 1}`, fix: 'set keys.counter.tpm and keys.counter.index to the counter that this home was used with',
  });
}

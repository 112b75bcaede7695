// SPDX-License-Identifier: Apache-2.0
// The text of a legal hold, docs/FORMAT.md section 10. The log has its hash alone: what is looked for may be personal.
import { Refused } from '@strongroom/bytes';
import { decodeLines, encodeLines, type Fields } from './lines.ts';

export interface HoldText {
  /** 32 hexadecimal digits. */
  readonly hold: string;
  readonly created: bigint;
  /** SPIFFE ID of who placed it. */
  readonly by: string;
  /** Such as a case number. */
  readonly reference: string;
  readonly reason: string;
  /** What is held, JSON: the conditions of a search. */
  readonly query: Buffer;
  /** 16 random octets in hexadecimal that stand nowhere else, so that the hash confirms no guess. */
  readonly salt: string;
}

const TITLE = 'strongroom hold-text v1';
const FIELDS = { hold: 'id', created: 'time', by: 'word', reference: 'text', reason: 'text', query: 'base64', salt: 'id' } as const satisfies Fields;

export function encodeHoldText(text: HoldText): Buffer {
  return Buffer.from(encodeLines(TITLE, FIELDS, text as unknown as Record<string, unknown>, 'hold.malformed'));
}

/** Throws `Refused('hold.malformed')`. */
export function decodeHoldText(bytes: Buffer): HoldText {
  return decodeLines(bytes.toString('utf8'), TITLE, FIELDS, malformed) as unknown as HoldText;
}

function malformed(why: string): Refused {
  return new Refused('hold.malformed', 'this is no text of a hold', { why });
}

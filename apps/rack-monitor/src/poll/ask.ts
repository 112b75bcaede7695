// SPDX-License-Identifier: Apache-2.0
// What a look at a device asks for, in as few questions as there may be: each costs us a signature, and the device more.
import type { Answer } from '../snmp/value.ts';
import { OIDS_MAX, type SnmpSession } from '../snmp/session.ts';

export const UP_TIME = '1.3.6.1.2.1.1.3.0';

/** An answer fits into one frame of Ethernet, with what SNMPv3 adds: devices seldom put fragments together. */
const ANSWER_OCTETS_MAX = 1250;
/** Of a value and of what stands around it. */
const VALUE_OCTETS = 9;

/** What one device is asked for at each look, put into questions once. */
export class Questions {
  #questions: readonly (readonly string[])[];

  constructor(oids: readonly string[]) {
    this.#questions = questionsOf(oids);
  }

  /** One after the other: a device of this kind has one processor, and a slow one. Rejects with `Failed` of a `SnmpCode`. */
  async ask(session: Pick<SnmpSession, 'get'>): Promise<Map<string, Answer['value']>> {
    const found = new Map<string, Answer['value']>();
    for (const question of this.#questions) for (const { oid, value } of await this.#ask(session, question)) found.set(oid, value);
    return found;
  }

  /** A device that cannot answer so much at once is asked for half, from then on. */
  async #ask(session: Pick<SnmpSession, 'get'>, question: readonly string[]): Promise<Answer[]> {
    try {
      return await session.get(question);
    } catch (error) {
      if ((error as { code?: string }).code !== 'snmp.too-big' || question.length === 1) throw error;
      const half = Math.ceil(question.length / 2);
      const halves = [question.slice(0, half), question.slice(half)] as const;
      this.#questions = this.#questions.flatMap((one) => (one === question ? halves : [one]));
      return [...await this.#ask(session, halves[0]), ...await this.#ask(session, halves[1])];
    }
  }
}

export function questionsOf(oids: readonly string[]): string[][] {
  const questions: string[][] = [];
  let octets = Infinity;
  for (const oid of oids) {
    const more = octetsOf(oid) + VALUE_OCTETS;
    if (octets + more > ANSWER_OCTETS_MAX || questions.at(-1)!.length === OIDS_MAX) {
      questions.push([]);
      octets = 0;
    }
    questions.at(-1)!.push(oid);
    octets += more;
  }
  return questions;
}

/** As BER writes it: the first two numbers are one octet, each further one takes seven bits an octet. */
function octetsOf(oid: string): number {
  return oid.split('.').slice(1).reduce((sum, part) => sum + Math.max(1, Math.ceil(Math.log2(Number(part) + 1) / 7)), 0);
}

export function upTicksOf(found: ReadonlyMap<string, Answer['value']>): number | null {
  const ticks = found.get(UP_TIME);
  return typeof ticks === 'number' ? ticks : null;
}

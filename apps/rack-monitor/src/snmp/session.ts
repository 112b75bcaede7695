// SPDX-License-Identifier: Apache-2.0
// Questions to one device. Answers are taken from its address alone, and, where we agreed on keys, only signed and
// encrypted ones: net-snmp checks the digest of an answer that has one, and takes an answer that has none.
import { createSocket, type SocketType } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { RackEngine } from '@strongroom/service';
import { fromLibrary, snmpFailed } from './errors.ts';
import snmp, { boundKeys } from './library.ts';
import { claimsOf, outerForm, type OuterForm } from './outer-form.ts';
import { isAuthenticated, type SnmpTarget } from './target.ts';
import { answerOf, type Answer } from './value.ts';

/** Of one question. */
export const OIDS_MAX = 64;
const REPETITIONS = 20;
/** Of one question: an engine that is not known yet, its time, a boot meanwhile, and one to spare. net-snmp answers each by asking again. */
const REPORTS_MAX = 4;

export interface WalkBounds {
  readonly answersMax: number;
  readonly questionsMax: number;
}
export const WALK_BOUNDS: WalkBounds = { answersMax: 4096, questionsMax: 512 };

type Library = ReturnType<typeof snmp.createV3Session>;

export class SnmpSession {
  readonly target: SnmpTarget;
  readonly authenticated: boolean;
  readonly #library: Library;
  #closed = false;
  /** Answers that nobody signed, or not with the keys of this device, datagrams that are no SNMP, and reports, since the last question. */
  #seen = { forged: 0, garbage: 0, reports: 0 };
  #giveUp: ((error: Error) => void) | undefined;
  #foreign = 0;
  #counted = { forged: 0, garbage: 0, foreign: 0 };

  constructor(target: SnmpTarget) {
    this.target = target;
    this.authenticated = isAuthenticated(target);
    this.#library = open(target);
    this.#library.on('error', () => this.#note('garbage'));
    const { dgram } = this.#library;
    dgram.removeAllListeners('message');
    dgram.on('message', (datagram, from) => this.#take(datagram, from));
  }

  /** Datagrams that came from elsewhere than the device. */
  get foreign(): number {
    return this.#foreign;
  }

  /** What came that is no answer, since this was asked last. */
  takeCounts(): { readonly forged: number; readonly garbage: number; readonly foreign: number } {
    const counted = this.#counted;
    this.#counted = { forged: 0, garbage: 0, foreign: 0 };
    return counted;
  }

  /** Who answers, once it did; null in v2c, which does not say. */
  get engine(): RackEngine | null {
    const time = this.#library.getEngineTime();
    const id = this.#library.msgSecurityParameters?.msgAuthoritativeEngineID;
    return time === null || id === undefined ? null : { id: id.toString('hex'), boots: time.engineBoots, seconds: time.engineTime };
  }

  /** In the order of the question, at most {@link OIDS_MAX}. Rejects with `Failed` of a {@link SnmpCode}. */
  async get(oids: readonly string[]): Promise<Answer[]> {
    const varbinds = await this.#ask<readonly Parameters<typeof answerOf>[0][]>((answered) => this.#library.get(oids.slice(0, OIDS_MAX), answered));
    if (varbinds.length !== oids.length || varbinds.some(({ oid }, at) => oid !== oids[at])) throw snmpFailed('snmp.garbage', this.target.address, 'it answers another question');
    return varbinds.map(answerOf);
  }

  /** All objects below `root`, in their order. Rejects with `Failed` of a {@link SnmpCode}, `snmp.too-much` beyond the bounds. */
  async walk(root: string, bounds: WalkBounds = WALK_BOUNDS): Promise<Answer[]> {
    const answers: Answer[] = [];
    let last = root;
    for (let questions = 0; questions < bounds.questionsMax; questions++) {
      const [column = []] = await this.#ask<readonly (readonly Parameters<typeof answerOf>[0][])[]>((answered) => this.#library.getBulk([last], 0, REPETITIONS, answered));
      if (column.length === 0) return answers;
      for (const answer of column.map(answerOf)) {
        if (answer.value === null || !answer.oid.startsWith(`${root}.`)) return answers;
        if (!isBehind(answer.oid, last)) throw snmpFailed('snmp.order', this.target.address, `after ${last} it gives ${answer.oid}`);
        if (answers.length === bounds.answersMax) throw snmpFailed('snmp.too-much', this.target.address, `below ${root} are more than ${bounds.answersMax} objects`);
        answers.push(answer);
        last = answer.oid;
      }
    }
    throw snmpFailed('snmp.too-much', this.target.address, `below ${root} it takes more than ${bounds.questionsMax} questions`);
  }

  /** What is under way ends with `snmp.closed`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#library.cancelRequests(snmpFailed('snmp.closed', this.target.address, 'the session was closed'));
    this.#library.close();
  }

  #ask<T>(ask: (answered: (error: Error | null, varbinds: T) => void) => void): Promise<T> {
    if (this.#closed) return Promise.reject(snmpFailed('snmp.closed', this.target.address, 'the session was closed'));
    this.#seen = { forged: 0, garbage: 0, reports: 0 };
    const seen = this.#seen;
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      ask((error, varbinds) => (error === null ? resolve(varbinds) : reject(fromLibrary(error, this.target.address, seen))));
    });
  }

  #take(datagram: Buffer, from: { readonly address: string; readonly port: number }): void {
    if (from.address !== this.target.address || from.port !== this.target.port) {
      this.#foreign += 1;
      this.#counted.foreign += 1;
      return;
    }
    const form = outerForm(datagram);
    if (form === null || form.version !== (this.authenticated ? 3 : 1)) this.#note('garbage');
    else if (this.authenticated && !this.#isOfDevice(datagram, form)) this.#note('forged');
    else this.#deliver(datagram);
  }

  /** net-snmp checks a digest by the key of whatever engine an answer names. So whoever has the keys of one device of a user, which are
   * made of its engine, could answer for all of them: an answer counts if it names the engine that was asked. */
  #isOfDevice(datagram: Buffer, { sealed, report }: OuterForm): boolean {
    if (!sealed) return report && (this.#seen.reports += 1) <= REPORTS_MAX;
    const asked = this.#library.msgSecurityParameters?.msgAuthoritativeEngineID;
    return asked !== undefined && claimsOf(datagram)?.engine === asked.toString('hex');
  }

  /** net-snmp checks much and not all. Over what it throws it has forgotten the question, and would never answer it. */
  #deliver(datagram: Buffer): void {
    try {
      this.#library.onMsg(datagram);
    } catch {
      this.#note('garbage');
      this.#giveUp?.(snmpFailed('snmp.garbage', this.target.address, 'its answer cannot be read'));
    }
  }

  #note(what: 'forged' | 'garbage'): void {
    this.#seen[what] += 1;
    this.#counted[what] += 1;
  }
}

/** Devices are named by address: there is nothing to look up, and no tick of the loop to wait for. */
const SOCKETS = { createSocket: (type: SocketType) => createSocket({ type, lookup: (address, _, found) => found(null, address, type === 'udp6' ? 6 : 4) }) };

function open({ address, port, security, timeoutMs, retries }: SnmpTarget): Library {
  boundKeys();
  const options = { port, timeout: timeoutMs, retries, transport: isIPv6(address) ? 'udp6' : 'udp4', version: snmp.Version2c, dgramModule: SOCKETS };
  if ('community' in security) return snmp.createSession(address, security.community, options);
  return snmp.createV3Session(address, snmpUser(security), { ...options, version: undefined });
}

/** Also how {@link receive} knows whom to believe. */
export function snmpUser({ user, authProtocol, authPassword, privProtocol, privPassword }: Extract<SnmpTarget['security'], { user: string }>) {
  return {
    name: user, level: snmp.SecurityLevel.authPriv, authProtocol: snmp.AuthProtocols[authProtocol]!, authKey: authPassword,
    privProtocol: snmp.PrivProtocols[privProtocol]!, privKey: privPassword,
  };
}

/** Whether `oid` comes after `before` in the order of the tree. */
export function isBehind(oid: string, before: string): boolean {
  const one = oid.split('.');
  const other = before.split('.');
  for (let at = 0; at < one.length && at < other.length; at++) {
    if (one[at] !== other[at]) return Number(one[at]) > Number(other[at]);
  }
  return one.length > other.length;
}

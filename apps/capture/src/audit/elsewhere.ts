// SPDX-License-Identifier: Apache-2.0
// What kernel messages and the journal tell of the audit. An event of the audit that stands there too is counted as a repeat,
// by boot and serial, and kept: two observations. And auditd says there, and nowhere else, that its queue to plugins is full.
import type { Say } from '../events.ts';
import type { Feed } from '../feed.ts';
import { stampInKmsg, stampInJournal } from './identity.ts';

/** Serials that wait for the audit's own word about them; of more the oldest are judged at once. */
const WAITING_MAX = 16_384;
const PROGRAMS = /^\/(?:usr\/)?s?bin\/audi(?:td|spd)$/;
const QUEUE_FULL = ['dropping event', 'event lost', 'suspending event passing to plugins'];

export interface ElsewhereOptions {
  readonly boot: string;
  readonly feed: Feed;
  readonly say: Say;
  /** Whether the audit had that event; asked a while later. */
  readonly isHad: (serial: number) => boolean;
}

export class Elsewhere {
  readonly #options: ElsewhereOptions;
  /** Serials by protocol: those of the last minute, and those before them. */
  readonly #waiting: Record<'kmsg' | 'journal', [number[], number[]]> = { kmsg: [[], []], journal: [[], []] };

  constructor(options: ElsewhereOptions) {
    this.#options = options;
  }

  kmsg(record: Buffer): void {
    if (!record.includes(';audit: type=')) return;
    const stamp = stampInKmsg(record);
    if (stamp !== null) this.#note('kmsg', stamp.serial);
  }

  /** A line of journalctl's JSON. */
  journal(line: Buffer): void {
    const stamp = stampInJournal(line);
    if (stamp !== null && stamp.boot === this.#options.boot) this.#note('journal', stamp.serial);
    if (QUEUE_FULL.some((words) => line.includes(words))) this.#queueFull(line);
  }

  /** Each minute: what was noted before the last one is judged; `all`: at the end. */
  settle(protocol: 'kmsg' | 'journal', all = false): void {
    const [last, before] = this.#waiting[protocol];
    const judged = all ? [...before, ...last] : before;
    this.#waiting[protocol] = [[], all ? [] : last];
    this.#options.feed.tally(protocol).repeats += judged.filter((serial) => this.#options.isHad(serial)).length;
  }

  #note(protocol: 'kmsg' | 'journal', serial: number): void {
    const [last] = this.#waiting[protocol];
    last.push(serial);
    if (last.length >= WAITING_MAX) this.settle(protocol);
  }

  #queueFull(line: Buffer): void {
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(line.toString()) as Record<string, unknown>;
    } catch {
      return;
    }
    // Whom the message is from is journald's word, by the socket; anybody may call himself auditd, also a program that sets the
    // user's id, through a link. Which program it is, its name does not tell.
    const { _EXE: program, _UID: uid, _PID: pid, MESSAGE: message } = entry;
    if (typeof program !== 'string' || !PROGRAMS.test(program) || uid !== '0' || typeof message !== 'string') return;
    this.#options.say('audit.queue-full', { pid: String(pid), message });
  }
}

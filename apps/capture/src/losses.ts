// SPDX-License-Identifier: Apache-2.0
// Which events tell of a loss, of how much, and from when to when: each becomes part of an incident.
import type { Fields, FieldValue, Incidents } from '@strongroom/service';
import type { EventName } from './events.ts';
import { bootClock } from './host.ts';

interface Loss {
  readonly subject: string;
  readonly reason: string;
  readonly count: number | null;
  readonly from?: FieldValue | undefined;
  readonly to?: FieldValue | undefined;
}

const LOSSES: Partial<Record<EventName, (fields: Fields) => Loss>> = {
  'capture.denied': ({ code, records }) => ({ subject: 'capture', reason: String(code), count: Number(records) }),
  'kmsg.missing': ({ reason, count }) => ({ subject: 'kmsg', reason: String(reason), count: Number(count) }),
  'journal.cursor-unknown': ({ writtenAt, oldestWrittenAt }) => ({ subject: 'journal', reason: 'cursor-unknown', count: null, from: writtenAt, to: oldestWrittenAt }),
  'journal.missing': ({ reason, count, writtenFrom, writtenTo }) => ({ subject: 'journal', reason: String(reason), count: Number(count), from: writtenFrom, to: writtenTo }),
  'audit.missing': ({ reason, count, noticedFrom, noticedTo }) => ({ subject: 'audit', reason: String(reason), count: Number(count), from: noticedFrom, to: noticedTo }),
  // In records; the events that they were of are told as missing.
  'audit.overrun': ({ from, to }) => ({ subject: 'audit', reason: 'overrun', count: 0, from, to }),
  // How many is told as missing.
  'audit.queue-full': () => ({ subject: 'audit', reason: 'auditd', count: 0 }),
  'audit.incomplete': ({ count }) => ({ subject: 'audit', reason: 'incomplete', count: Number(count) }),
  'ebpf.missing': ({ reason, count, fromNs, toNs }) => ({ subject: 'ebpf', reason: String(reason), count: count === null ? null : Number(count), ...sinceBoot(fromNs, toNs) }),
  'files.missing': ({ count }) => ({ subject: 'files', reason: 'unseen', count: Number(count) }),
  'files.overflow': ({ from, to }) => ({ subject: 'files', reason: 'overflow', count: null, from, to }),
  'files.executables-missed': ({ count, from, to }) => ({ subject: 'files', reason: 'executables', count: count === null ? null : Number(count), from, to }),
  'exec.differs': ({ unexplained, from, to }) => ({ subject: 'exec', reason: 'differs', count: Number(unexplained), from, to }),
};

/** Nobody reads from the one to the other. */
const GONE: Partial<Record<EventName, string>> = { 'audit.reader-gone': 'audit', 'ebpf.probe-gone': 'ebpf', 'files.reader-gone': 'files', 'kmsg.failed': 'kmsg' };
const BACK: Partial<Record<EventName, string>> = { 'audit.reading': 'audit', 'ebpf.reading': 'ebpf', 'files.reading': 'files' };
/** A reader that is back by then was only started anew, and one of a Strongroom that stops needs no incident: what was lost is told. */
const GONE_MS = 5000;

export class Losses {
  readonly #incidents: Incidents;
  readonly #gone = new Map<string, NodeJS.Timeout>();

  constructor(incidents: Incidents) {
    this.#incidents = incidents;
  }

  /** To be called with every event. */
  told(event: EventName, fields: Fields): void {
    const [gone, back] = [GONE[event], BACK[event]];
    if (gone !== undefined) this.#isGone(gone, Date.now());
    if (back !== undefined) this.#isBack(back);
    const loss = LOSSES[event]?.(fields);
    if (loss === undefined) return;
    const nowMs = Date.now();
    const [fromMs, toMs] = [timeOf(loss.from) ?? nowMs, timeOf(loss.to) ?? nowMs];
    this.#incidents.happened({ subject: loss.subject, reason: loss.reason, count: loss.count, fromMs: Math.min(fromMs, toMs), toMs: Math.max(fromMs, toMs) });
  }

  /** Nobody is expected back any more. */
  close(): void {
    for (const timer of this.#gone.values()) clearTimeout(timer);
  }

  #isGone(subject: string, sinceMs: number): void {
    clearTimeout(this.#gone.get(subject));
    this.#gone.set(subject, setTimeout(() => this.#incidents.lasts(subject, 'not-read', sinceMs), GONE_MS).unref());
  }

  #isBack(subject: string): void {
    clearTimeout(this.#gone.get(subject));
    this.#incidents.over(subject, 'not-read');
  }
}

/** Both by one look at the clock, so that they are as far apart as they were. */
function sinceBoot(fromNs: FieldValue | undefined, toNs: FieldValue | undefined): Pick<Loss, 'from' | 'to'> {
  if (typeof fromNs !== 'string' || typeof toNs !== 'string') return {};
  const offsetMs = bootClock();
  const iso = (ns: string): string => new Date(Number(BigInt(ns) / 1_000_000n) + offsetMs).toISOString();
  return { from: iso(fromNs), to: iso(toNs) };
}

function timeOf(iso: FieldValue | undefined): number | null {
  const ms = typeof iso === 'string' ? Date.parse(iso) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

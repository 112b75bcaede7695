// SPDX-License-Identifier: Apache-2.0
// The audit and eBPF both see what is executed. Each minute of it is settled once both must have told: as many by both, and
// what one side alone saw, by process id, time and program. A difference that no loss, rule or kernel explains is evidence
// that somebody came between. Where one of them does not watch, that is said once, and nothing is compared.
import type { Fields } from '@strongroom/service';
import { callerIn } from '../audit/caller.ts';
import type { ExecRules } from '../audit/frames.ts';
import type { AuditEvent } from '../audit/joiner.ts';
import { octetsOf, TYPE, type AuditRecord } from '../audit/record.ts';
import type { ProbeEvent } from '../ebpf/frames.ts';
import type { Say } from '../events.ts';
import { bootClock } from '../host.ts';
import { Execs, type Exec, type Settled, type Side } from './execs.ts';
import { isStartedByKernel } from './kernel-threads.ts';

/** How often it is looked whether both watch, and whether a minute is settled. */
const TICK_MS = 5000;
/** So long after a minute both sides must have told of it, unless the vault held them up. */
const GRACE_MS = 30_000;
/** A clock that moved by more between two looks was set, and times before and after cannot be compared. */
const CLOCK_STEP_MS = 1000;
/** Named of each side in one event; all are counted. */
const NAMED_MAX = 12;
const NAME_CHARACTERS_MAX = 60;
/** Looked up in one minute. */
const PARENTS_MAX = 256;
const EXECVE = 1309;
/** In `struct event` of probe/ebpf/probe.h. */
const [TIME_AT, PID_AT, PARENT_AT] = [24, 40, 48];

/** One of the two origins, as far as it matters here. */
export interface Watcher {
  readonly reading: boolean;
  /** Rises with each reader that comes. */
  readonly readings: number;
  /** Events that may have been executions, and never came whole. */
  readonly lost: number;
  /** Of the audit alone. */
  readonly execRules?: ExecRules;
}

export interface ReconciliationOptions {
  readonly say: Say;
  /** Asked each time. */
  readonly watchers: { readonly audit: () => Watcher; readonly ebpf: () => Watcher };
  /** Whether the vault holds us up: then nothing is known to have come. */
  readonly isHeld: () => boolean;
}

export class Reconciliation {
  readonly #options: ReconciliationOptions;
  #execs: Execs | null = null;
  #offsetMs: number;
  #why: string | null = null;
  #heldAtMs = Number.NEGATIVE_INFINITY;
  #readings = '';
  /** Losses by the end of the last two settlings: what is noticed late may explain the minute after. */
  #lost: Record<Side, [number, number]> = { audit: [0, 0], ebpf: [0, 0] };
  #sums = { both: 0, audit: 0, ebpf: 0, unexplained: 0 };

  constructor(options: ReconciliationOptions) {
    this.#options = options;
    this.#offsetMs = bootClock();
  }

  /** An event of the audit, each once. */
  audit({ records }: AuditEvent): void {
    const syscall = records[0]!;
    if (this.#execs === null || syscall.type !== TYPE.syscall || !hasExecve(records)) return;
    const caller = callerIn(syscall);
    if (caller !== null) this.#execs.take('audit', caller.pid, syscall.timeMs, () => quotedAfter(octetsOf(syscall), ' exe='));
  }

  ebpf({ type, view, at, payload, secondAt, endAt }: ProbeEvent): void {
    if (this.#execs === null || type !== 'exec') return;
    const sinceBootNs = view.getUint32(at + TIME_AT + 4, true) * 2 ** 32 + view.getUint32(at + TIME_AT, true);
    const timeMs = Math.round(sinceBootNs / 1e6 + this.#offsetMs);
    this.#execs.take('ebpf', view.getUint32(at + PID_AT, true), timeMs, () => payload.toString('latin1', secondAt, endAt), view.getUint32(at + PARENT_AT, true));
  }

  start(stop: AbortSignal): void {
    const timer = setInterval(() => this.tick(Date.now()), TICK_MS).unref();
    stop.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** Looks at both sides, and settles what is over. */
  tick(nowMs: number): void {
    if (this.#options.isHeld()) this.#heldAtMs = nowMs;
    const offsetMs = bootClock();
    const wasSet = Math.abs(offsetMs - this.#offsetMs) > CLOCK_STEP_MS;
    this.#offsetMs = offsetMs;
    const why = this.#whyNot() ?? (wasSet ? 'the clock was set' : this.#execs?.isCrowded === true ? 'the two are too far apart' : null);
    if (why !== null) return this.#pause(why);
    if (this.#execs === null) return this.#begin(nowMs);
    if (nowMs - this.#heldAtMs < GRACE_MS) return;
    const settled = this.#execs.settle(Math.floor((nowMs - GRACE_MS) / 60_000));
    if (settled !== null) this.#tell(settled);
  }

  values(): Record<string, number> {
    const { both, audit, ebpf, unexplained } = this.#sums;
    return { execReconciling: this.#execs === null ? 0 : 1, execBoth: both, execOnlyAudit: audit, execOnlyEbpf: ebpf, execUnexplained: unexplained };
  }

  #whyNot(): string | null {
    const [audit, ebpf] = [this.#options.watchers.audit(), this.#options.watchers.ebpf()];
    const readings = `${audit.readings} ${ebpf.readings}`;
    const isNew = readings !== this.#readings;
    this.#readings = readings;
    if (!ebpf.reading) return 'eBPF does not watch';
    if (!audit.reading) return 'the audit is not read';
    if (audit.execRules === 'none') return 'the audit has no rule for execve';
    return isNew && this.#execs !== null ? 'a reader came anew' : null;
  }

  #pause(why: string): void {
    this.#execs = null;
    if (why === this.#why) return;
    this.#why = why;
    this.#options.say('exec.not-reconciled', { why });
  }

  #begin(nowMs: number): void {
    this.#why = null;
    this.#execs = new Execs(nowMs);
    const [audit, ebpf] = [this.#options.watchers.audit().lost, this.#options.watchers.ebpf().lost];
    this.#lost = { audit: [audit, audit], ebpf: [ebpf, ebpf] };
  }

  #tell(settled: Settled): void {
    const { both, late } = settled;
    const onlyAudit = settled.alone.filter(({ side }) => side === 'audit');
    const onlyEbpf = settled.alone.filter(({ side }) => side === 'ebpf');
    const rules = this.#options.watchers.audit().execRules ?? 'unknown';
    const byRules = rules === 'all' ? 0 : onlyEbpf.length;
    const byPeople = byRules > 0 ? [] : withoutKernels(onlyEbpf);
    const lost = { audit: this.#lostSince('audit'), ebpf: this.#lostSince('ebpf') };
    const ebpfMissed = Math.max(0, onlyAudit.length - lost.ebpf);
    const auditMissed = Math.max(0, byPeople.length - lost.audit);
    const facts = {
      from: isoOf(settled.fromMs), to: isoOf(settled.toMs), audit: both + onlyAudit.length, ebpf: both + onlyEbpf.length, onlyAudit: onlyAudit.length,
      onlyEbpf: onlyEbpf.length, unexplained: ebpfMissed + auditMissed, byKernel: onlyEbpf.length - byRules - byPeople.length, byRules, lostAudit: lost.audit, lostEbpf: lost.ebpf, late, rules,
    };
    this.#sums.both += both;
    this.#sums.audit += onlyAudit.length;
    this.#sums.ebpf += onlyEbpf.length;
    this.#sums.unexplained += facts.unexplained;
    this.#options.say('exec.reconciled', facts);
    if (facts.unexplained > 0) this.#options.say('exec.differs', { ...facts, ...named('seenByAudit', onlyAudit), ...named('seenByEbpf', byPeople) });
  }

  /** What a side lost since the settling before the last one. */
  #lostSince(side: Side): number {
    const [before, last] = this.#lost[side];
    const now = this.#options.watchers[side]().lost;
    this.#lost[side] = [last, now];
    return Math.max(0, now - before); // what comes late takes its loss back
  }
}

/** Without what the kernel itself started, as far as its threads are still there to tell. */
function withoutKernels(execs: readonly Exec[]): Exec[] {
  const parents = [...new Set(execs.map(({ parent }) => parent))].slice(0, PARENTS_MAX);
  const kernels = new Set(parents.filter(isStartedByKernel));
  return execs.filter(({ parent }) => !kernels.has(parent));
}

function hasExecve(records: readonly AuditRecord[]): boolean {
  for (const { type } of records) if (type === EXECVE) return true;
  return false;
}

/** The first ones in words; none: nothing. */
function named(name: string, execs: readonly Exec[]): Fields {
  if (execs.length === 0) return {};
  return { [name]: execs.slice(0, NAMED_MAX).map(({ pid, timeMs, executable }) => `${pid} ${isoOf(timeMs)} ${executable.slice(0, NAME_CHARACTERS_MAX)}`).join('; ') };
}

/** As written: between quotes, or in hexadecimal. */
function quotedAfter(octets: Buffer, name: string): string {
  const at = octets.indexOf(name);
  const text = at < 0 ? '' : octets.toString('latin1', at + name.length, at + name.length + 300);
  return /^"([^"]*)"|^\S*/.exec(text)?.[1] ?? text.split(' ', 1)[0]!;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

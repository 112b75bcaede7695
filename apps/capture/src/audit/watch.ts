// SPDX-License-Identifier: Apache-2.0
// Watches the audit itself: its status, who owns its socket, and the kernel's count of lost records, which others may set back.
import type { Fields } from '@strongroom/service';
import type { Say } from '../events.ts';
import { differences, lostBetween } from './changes.ts';
import { decodeLine } from './decode.ts';
import { EXEC_RULES, parseStatus, type ExecRules, type Status } from './frames.ts';
import type { AuditEvent } from './joiner.ts';
import type { Ledger } from './ledger.ts';
import { lineOf } from './record.ts';

export class Watch {
  readonly #ledger: Ledger;
  readonly #tell: Say;
  #last: Status | null = null;
  #isFirst = true;
  #kernelLostAtMs = Number.NEGATIVE_INFINITY;
  /** A record told of a count that was set back, and which one stood before. */
  #resetFrom: number | null = null;

  constructor(ledger: Ledger, tell: Say) {
    this.#ledger = ledger;
    this.#tell = tell;
  }

  get last(): Status | null {
    return this.#last;
  }

  /** Of how many executions the audit is told to tell. */
  get execRules(): ExecRules {
    return this.#last?.enabled === 0 ? 'none' : EXEC_RULES[this.#last?.execRules ?? 0] ?? 'unknown';
  }

  /** A reader begins: what it says first is told whether or not it is new. */
  begin(): void {
    this.#isFirst = true;
  }

  kernelLostSince(atMs: number): boolean {
    return this.#kernelLostAtMs >= atMs;
  }

  /** A payload of a status frame. Throws as {@link parseStatus} does. */
  status(payload: Buffer): void {
    const now = parseStatus(payload);
    const before = this.#last;
    this.#last = now;
    const { atNs: _, ...facts } = now;
    if (this.#isFirst) this.#tell('audit.status', facts);
    this.#isFirst = false;
    if (before === null) return;
    const changed = differences(before, now);
    if (changed !== null) this.#tell('audit.status-changed', changed);
    this.#count(before, now);
  }

  /** Fields of a change that a record tells of. */
  changed(fields: Fields): void {
    if (fields['lost'] === '0' && fields['old'] !== undefined) this.#resetFrom = Number(fields['old']);
  }

  /** auditd says that it starts, ends, or was told something. */
  daemon({ records, serial }: AuditEvent): void {
    const decoded = decodeLine(lineOf(records[0]!));
    const said = Object.fromEntries((decoded?.fields ?? []).slice(0, 20).map(({ name, value }) => [name, value]));
    this.#tell('audit.daemon', { type: decoded?.type ?? null, serial, ...said });
  }

  #count(before: Status, now: Status): void {
    // Between two readings the count may have risen, been set back, and risen again: the record tells how far it had come.
    const reset = this.#resetFrom;
    this.#resetFrom = null;
    const step = reset === null ? lostBetween(before.lost, now.lost) : { kind: 'reset' as const, records: Math.max(0, reset - before.lost) + now.lost };
    if (step.records > 0) {
      this.#ledger.kernelLostRecords += step.records;
      this.#kernelLostAtMs = Number(process.hrtime.bigint() / 1_000_000n);
      this.#tell('audit.kernel-lost', { records: step.records, from: isoOf(before.atNs), to: isoOf(now.atNs), total: now.lost });
    }
    if (step.kind === 'wrapped') this.#tell('audit.lost-wrapped', { from: before.lost, to: now.lost });
    if (step.kind === 'reset') this.#tell('audit.lost-reset', { from: reset ?? before.lost, to: now.lost, recorded: reset !== null });
  }
}

function isoOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}

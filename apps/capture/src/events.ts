// SPDX-License-Identifier: Apache-2.0
// What capture says of itself.
import type { Fields, Level } from '@strongroom/service';

export const EVENTS = {
  /** A life begins: which boot of which machine, and from where it resumes. */
  'capture.started': 'info',
  /** The resume token cannot be read: everything that is still there is taken again, and marked as perhaps repeated. */
  'capture.token-unknown': 'warn',
  /** The vault did not seal records of ours. */
  'capture.denied': 'error',
  /** At the stop the vault had not acknowledged everything; the next life takes it again. */
  'capture.unsealed': 'warn',
  /** Trouble begins: evidence of `subject` is lost, or cannot be had, for `reason`. */
  'incident.opened': 'error',
  /** It has been quiet for a minute: from when to when it was, and how much was lost. */
  'incident.closed': 'info',
  /** Kernel messages cannot be read at all. */
  'kmsg.absent': 'warn',
  /** Reading them failed; the rest of this life does without. */
  'kmsg.failed': 'error',
  /** Kernel messages that were overwritten before they were read. */
  'kmsg.missing': 'error',
  /** The same, from before we first read in this boot: they were never ours to take. */
  'kmsg.began': 'warn',
  /** How the sums of kernel messages stand. */
  'kmsg.ledger': 'info',
  /** There is no journal to read. */
  'journal.absent': 'warn',
  /** The journal has no entry yet, or none that we may read: it is looked at again and again. */
  'journal.empty': 'info',
  /** journalctl says that we do not see all of it. */
  'journal.limited': 'warn',
  /** journalctl ended by itself; it is started again from the last entry. */
  'journal.interrupted': 'warn',
  /** The last entry taken is no longer in the journal: entries may be missing, or repeated. */
  'journal.cursor-unknown': 'error',
  /** journald let go of entries before they were read, or they cannot be read. */
  'journal.missing': 'error',
  /** A line of journalctl names no cursor; it is kept, and may be repeated by the next life. */
  'journal.unmarked': 'warn',
  /** How the sums of the journal stand. */
  'journal.ledger': 'info',
  /** The kernel's audit cannot be read at all. */
  'audit.absent': 'warn',
  /** A reader of the audit is connected: by which path, and how much its buffer holds. */
  'audit.reading': 'info',
  /** It is not any more; what comes until it is back is held by the kernel, as far as its buffer goes, or missing. */
  'audit.reader-gone': 'warn',
  /** A reader said what none ever should; its line was ended. */
  'audit.refused': 'error',
  /** Somebody connected while a reader was there, and was turned away. */
  'audit.second-reader': 'warn',
  /** The reader could not do something that is not needed for the rest. */
  'audit.note': 'warn',
  /** The first event that we ever saw in this boot. */
  'audit.began': 'info',
  /** Events of the kernel's audit that never came, by their serials. */
  'audit.missing': 'error',
  /** Records that found no room in the reader's buffer. */
  'audit.overrun': 'error',
  /** Events that came without all of their records. */
  'audit.incomplete': 'error',
  /** The kernel counted records as lost: by its backlog, its rate limit, or towards auditd. */
  'audit.kernel-lost': 'error',
  /** Somebody set that count back. */
  'audit.lost-reset': 'warn',
  /** That count has begun anew at 2^32. */
  'audit.lost-wrapped': 'info',
  /** How the audit stood when a reader began. */
  'audit.status': 'info',
  /** Another reading of it differs: enabled, limits, or who owns the socket. */
  'audit.status-changed': 'warn',
  /** A record tells that rules or settings were changed, and by whom. */
  'audit.changed': 'warn',
  /** auditd starts, ends, or changes. */
  'audit.daemon': 'info',
  /** auditd's queue to plugins, and so to us, was full: it drops events, as it says in the journal. */
  'audit.queue-full': 'error',
  /** How the sums of the audit stand. */
  'audit.ledger': 'info',
  /** Kernel events cannot be collected by eBPF at all. */
  'ebpf.absent': 'warn',
  /** A probe is connected. */
  'ebpf.reading': 'info',
  /** It is not any more; while it runs, the kernel's ring holds what comes. */
  'ebpf.probe-gone': 'warn',
  /** A probe said what none ever should; its line was ended. */
  'ebpf.refused': 'error',
  /** Somebody connected while a probe was there, and was turned away. */
  'ebpf.second-reader': 'warn',
  /** A hook or a watched directory that is not to be had; the rest is collected. */
  'ebpf.note': 'warn',
  /** Kernel events that never came: how many, why, and from when to when. */
  'ebpf.missing': 'error',
  /** How the sums of eBPF stand. */
  'ebpf.ledger': 'info',
  /** What was executed in a minute, by the counts of the audit and of eBPF. */
  'exec.reconciled': 'info',
  /** The two differ, and nothing that is known explains it: which executions one of them alone saw. */
  'exec.differs': 'warn',
  /** They are not compared, and why. */
  'exec.not-reconciled': 'info',
  /** Watched files and executables cannot be looked at at all. */
  'files.absent': 'warn',
  /** A reader of files is connected: with which baseline, and what it watches. */
  'files.reading': 'info',
  /** It is not any more; the scan with which it begins anew finds what happens until then. */
  'files.reader-gone': 'warn',
  /** A reader said what none ever should; its line was ended. */
  'files.refused': 'error',
  /** Somebody connected while a reader was there, and was turned away. */
  'files.second-reader': 'warn',
  /** What the reader could not do though the rest goes on. */
  'files.note': 'warn',
  /** A file system was mounted or unmounted within a watched tree or around it; what is executed from one that is new is hashed, or not. */
  'files.mount': 'info',
  /** The kernel had no room for events of watched directories; a scan follows. */
  'files.overflow': 'warn',
  /** Differences that were numbered and never came. */
  'files.missing': 'error',
  /** Something was executed and not hashed: too much at once, or nobody took it. */
  'files.executables-missed': 'error',
  /** The baseline is not the one that was sealed last. */
  'files.baseline-replaced': 'error',
  /** How the sums of file integrity stand. */
  'files.ledger': 'info',
} as const satisfies Record<string, Level>;

export type EventName = keyof typeof EVENTS;
/** Tells of an event: logs it, and has it sealed unless it is in its stream already. */
export type Say = (event: EventName, fields?: Fields) => void;

// SPDX-License-Identifier: Apache-2.0
// What an event of the probe says of its process, into the table. Every event comes by here: nothing is asked of the system,
// and of a process that is as it was nothing is made.
import type { ProbeEvent } from '../ebpf/frames.ts';
import { execute, imageAt, Process, type ProcessTable } from './process-table.ts';
import { TICK_NS } from './proc.ts';
import { spelt } from './who.ts';

const UNSET = 0xffff_ffff;
const WORD = 0x1_0000_0000;
/** In `struct event`, probe/ebpf/probe.h. */
const AT = { time: 24, started: 32, pid: 40, tid: 44, parent: 48, login: 68, cgroupV2: 96, cgroupV1: 104, name: 184, end: 200 } as const;

/** The process of an event, which changes what is known of it. */
export function processOf(event: ProbeEvent, table: ProcessTable): Process {
  const { view, at, type } = event;
  const pid = view.getUint32(at + AT.pid, true);
  const known = table.get(pid);
  const process = known !== undefined && isSame(known, event) ? known : meet(event, known, table);
  if (process.name === null && pid === view.getUint32(at + AT.tid, true)) named(process, event.payload, at); // a thread may have a name of its own
  const login = view.getUint32(at + AT.login, true);
  const [cgroupV2, cgroupV1] = [u64(view, at + AT.cgroupV2), u64(view, at + AT.cgroupV1)];
  if (process.cgroupV2 !== cgroupV2 || process.cgroupV1 !== cgroupV1 || (process.login ?? UNSET) !== login) {
    [process.cgroupV2, process.cgroupV1, process.login, process.written] = [cgroupV2, cgroupV1, login === UNSET ? null : login, null];
  }
  if (type === 'exec') executed(event, process);
  return process;
}

function isSame(known: Process, { view, at }: ProbeEvent): boolean {
  return known.startedLow === view.getUint32(at + AT.started, true) && known.startedHigh === view.getUint32(at + AT.started + 4, true);
}

/** One that is new, or of which it was not known exactly when it started. */
function meet({ view, at }: ProbeEvent, known: Process | undefined, table: ProcessTable): Process {
  const started = view.getBigUint64(at + AT.started, true);
  const startedNs = Number(started);
  const isKnown = known !== undefined && known.endedNs === null && known.startedLow < 0 && (known.startedNs === null || sameTick(known.startedNs, startedNs));
  const process = isKnown ? known : new Process(view.getUint32(at + AT.pid, true), startedNs);
  [process.written, process.asAncestor] = [null, null];
  [process.startedNs, process.startedText] = [startedNs, String(started)];
  [process.startedLow, process.startedHigh] = [view.getUint32(at + AT.started, true), view.getUint32(at + AT.started + 4, true)];
  if (isKnown) return process;
  process.parentPid = view.getUint32(at + AT.parent, true);
  table.add(process);
  const [parent] = table.ancestors(process);
  if (parent !== undefined) process.image = imageAt(parent, startedNs);
  return process;
}

function executed({ view, at, payload, secondAt, endAt }: ProbeEvent, process: Process): void {
  const { text, escaped } = spelt(payload.subarray(secondAt, endAt));
  execute(process, text, escaped, u64(view, at + AT.time));
  named(process, payload, at);
  [process.written, process.toldIn] = [null, null];
}

function named(process: Process, payload: Buffer, at: number): void {
  const octets = payload.subarray(at + AT.name, at + AT.end);
  const end = octets.indexOf(0);
  const { text, escaped } = spelt(end < 0 ? octets : octets.subarray(0, end));
  [process.name, process.nameEscaped, process.asAncestor] = [text, escaped, null];
}

export function timeOf({ view, at }: ProbeEvent): number {
  return u64(view, at + AT.time);
}

function sameTick(ns: number, other: number): boolean {
  return Math.floor(ns / TICK_NS) === Math.floor(other / TICK_NS);
}

/** Exact up to 2^53: times of 104 days, numbers of cgroups in all practice. */
function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * WORD + view.getUint32(at, true);
}

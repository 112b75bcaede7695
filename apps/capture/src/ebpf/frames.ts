// SPDX-License-Identifier: Apache-2.0
// Frames of strongroom-probe by kind; the payload of each, big-endian (docs/FORMAT.md, "Between our processes"):
//   0 hello    u8 version 1 · u32 pid · u64 life · u64 octets of its ring · u16 count · count × u64 number of the next event of that processor
//   1 events   any number of events, each in the machine's byte order: see below
//   2 counts   u64 from · u64 to · any number of: u16 processor · u8 type · u64 lost · u64 own
//   3 note     text
// Times in ns since boot. A life is the time at which the probe started.
import { ByteReader, Refused } from '@strongroom/bytes';

export const PROBE_FRAME = { hello: 0, events: 1, counts: 2, note: 3 } as const;
/** By number, as in probe/ebpf/probe.h. */
export const EVENT_TYPES = [
  'exec', 'exit', 'delete', 'rename', 'mode', 'owner', 'open', 'connect', 'accept', 'bind', 'credentials', 'capability', 'module', 'bpf', 'ptrace',
  'mount', 'namespace', 'signal', 'time', 'abi', 'make', 'truncate', 'attribute', 'uring', 'exec-failed',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

const VERSION = 1;
const EVENT_BYTES = 200;
const NOTE_BYTES_MAX = 1000;
const CPUS_MAX = 512;

export interface ProbeHello {
  readonly pid: number;
  readonly life: bigint;
  readonly ringBytes: number;
  /** By processor. */
  readonly next: readonly number[];
}

export interface ProbeCounts {
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly rows: readonly { readonly cpu: number; readonly type: EventType; readonly lost: number; readonly own: number }[];
}

/**
 * One event where it lies in its frame: {@link EVENT_BYTES} octets of `struct event`, probe/ebpf/probe.h, from `at` on; then two texts.
 * Nothing is copied or cut out: there are thousands a second.
 */
export interface ProbeEvent {
  readonly type: EventType;
  readonly cpu: number;
  readonly sequence: number;
  readonly flags: number;
  /** Octets of the first text before it was cut. */
  readonly full: number;
  readonly payload: Buffer;
  /** Of the same octets. */
  readonly view: DataView;
  readonly at: number;
  readonly firstAt: number;
  readonly secondAt: number;
  readonly endAt: number;
}

/** Throws `Refused`: `ebpf.frame`, `bytes.*`; so do all below. */
export function parseHello(payload: Buffer): ProbeHello {
  const from = new ByteReader(payload);
  const version = from.u8();
  if (version !== VERSION) throw malformed(`a probe's version is ${version}, known is ${VERSION}`);
  const [pid, life, ringBytes, count] = [from.u32(), from.u64(), from.size(), from.u16()];
  if (count > CPUS_MAX) throw malformed(`a probe names ${count} processors`);
  const next = Array.from({ length: count }, () => from.size());
  from.end();
  return { pid, life, ringBytes, next };
}

/** The events of a frame, whole or not at all. */
export function parseEvents(payload: Buffer): ProbeEvent[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const events: ProbeEvent[] = [];
  for (let at = 0; at < payload.length;) {
    const event = eventAt(payload, view, at);
    events.push(event);
    at = event.endAt;
  }
  return events;
}

function eventAt(payload: Buffer, view: DataView, at: number): ProbeEvent {
  if (payload.length - at < EVENT_BYTES) throw malformed('an event ends early');
  const type = EVENT_TYPES[view.getUint16(at, true)];
  if (type === undefined) throw malformed(`events of type ${view.getUint16(at, true)} are not known`);
  const firstAt = at + EVENT_BYTES;
  const secondAt = firstAt + view.getUint16(at + 4, true);
  const endAt = secondAt + view.getUint16(at + 6, true);
  if (endAt > payload.length) throw malformed('the texts of an event end early');
  const sequence = view.getUint32(at + 20, true) * 0x1_0000_0000 + view.getUint32(at + 16, true);
  return { type, cpu: view.getUint16(at + 2, true), sequence, flags: view.getUint32(at + 8, true), full: view.getUint32(at + 12, true), payload, view, at, firstAt, secondAt, endAt };
}

export function parseCounts(payload: Buffer): ProbeCounts {
  const from = new ByteReader(payload);
  const [fromNs, toNs] = [from.u64(), from.u64()];
  const rows = [];
  while (from.remaining > 0) {
    const [cpu, number, lost, own] = [from.u16(), from.u8(), from.size(), from.size()];
    const type = EVENT_TYPES[number];
    if (type === undefined) throw malformed(`events of type ${number} are not known`);
    rows.push({ cpu, type, lost, own });
  }
  return { fromNs, toNs, rows };
}

export function parseNote(payload: Buffer): string {
  if (payload.length > NOTE_BYTES_MAX) throw malformed('a note is too long');
  return payload.toString();
}

export function malformed(why: string): Refused {
  return new Refused('ebpf.frame', 'strongroom-probe sent what it never should', { why, fix: 'set up Strongroom again, so that both are of one version' });
}

// SPDX-License-Identifier: Apache-2.0
// Members `pid` to `userSpace` of an event's line. A thread says the same of itself in all its events, until it changes: what
// was written of it last is copied as long as the octets that it was made of are the same.
import type { ProbeEvent } from './frames.ts';
import { literal, type LineWriter } from './line-writer.ts';

/** What the kernel shows for an id that is not set: login and session of what no login began. */
const UNSET = 0xffff_ffff;
const [NAME_AT, HEADER_BYTES] = [184, 200];
/** Threads that are remembered; then all are forgotten. */
const THREADS_MAX = 4096;
/** Of `struct event`, the 32-bit words that these members are made of. */
const WORDS = [...between(32, 92), ...between(96, 112), ...between(NAME_AT, HEADER_BYTES)];

const NULL = literal('null');
const member = (name: string, at: number): { readonly name: Uint8Array; readonly at: number } => ({ name: literal(`,"${name}":`), at });
const PROCESS = [member('pid', 40), member('tid', 44), member('parent', 48)];
const STARTED = member('started', 32);
const NAME = literal(',"name":');
const IDS = [member('uid', 52), member('gid', 56), member('euid', 60), member('egid', 64)];
const LOGIN = [member('login', 68), member('session', 72)];
const CGROUPS = [member('cgroup', 96), member('cgroupV1', 104)];
const SPACES = [member('mountSpace', 76), member('pidSpace', 80), member('netSpace', 84), member('userSpace', 88)];

interface Known {
  readonly words: Int32Array;
  readonly written: Uint8Array;
  /** Its name is no UTF-8. */
  readonly escaped: boolean;
}

export class ProcessMembers {
  readonly #known = new Map<number, Known>();

  /** Returns whether its name is no UTF-8. */
  write(to: LineWriter, event: ProbeEvent): boolean {
    const { view, at } = event;
    const tid = view.getUint32(at + 44, true);
    const known = this.#known.get(tid);
    if (known !== undefined && isSame(known.words, view, at)) {
      to.putLong(known.written);
      return known.escaped;
    }
    const begin = to.at;
    const escaped = writeAll(to, event);
    if (this.#known.size >= THREADS_MAX) this.#known.clear();
    this.#known.set(tid, { words: Int32Array.from(WORDS, (word) => view.getInt32(at + word, true)), written: to.since(begin), escaped });
    return escaped;
  }
}

function isSame(words: Int32Array, view: DataView, at: number): boolean {
  for (let i = 0; i < words.length; i += 1) if (words[i] !== view.getInt32(at + WORDS[i]!, true)) return false;
  return true;
}

function writeAll(to: LineWriter, { view, at, payload }: ProbeEvent): boolean {
  const u32 = ({ name, at: place }: typeof STARTED): void => {
    to.put(name);
    to.number(view.getUint32(at + place, true));
  };
  const u64 = ({ name, at: place }: typeof STARTED): void => {
    to.put(name);
    to.u64(view, at + place);
  };
  PROCESS.forEach(u32);
  u64(STARTED);
  to.put(NAME);
  const escaped = to.octets(payload, at + NAME_AT, nameEnd(payload, at));
  IDS.forEach(u32);
  for (const id of LOGIN) {
    if (view.getUint32(at + id.at, true) !== UNSET) u32(id);
    else [id.name, NULL].forEach((octets) => to.put(octets));
  }
  CGROUPS.forEach(u64);
  SPACES.forEach(u32);
  return escaped;
}

function nameEnd(payload: Buffer, at: number): number {
  let end = at + NAME_AT;
  while (end < at + HEADER_BYTES && payload[end] !== 0) end += 1;
  return end;
}

function between(from: number, to: number): number[] {
  return Array.from({ length: (to - from) / 4 }, (_, index) => from + index * 4);
}

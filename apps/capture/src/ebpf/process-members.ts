// SPDX-License-Identifier: Apache-2.0
// Members `pid` to `userSpace` of an event's line. A thread says the same of itself in all its events, until it changes: what
// was written of it last is copied as long as the octets that it was made of are the same.
import type { ProbeEvent } from './frames.ts';
import { literal, type LineWriter } from './line-writer.ts';

/** What the kernel shows for an id that is not set: login and session of what no login began. */
const UNSET = 0xffff_ffff;
const [TID_AT, NAME_AT, HEADER_BYTES] = [44, 184, 200];
/** Threads that are remembered, each at the place that the last bits of its id name. */
const PLACES = 4096;
/** Of what was written of one. What is longer, by a name that has to be escaped, is not remembered. */
const WRITTEN_BYTES_MAX = 640;
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

/** Two pieces of memory, made once: thousands of threads a second come and go. */
export class ProcessMembers {
  readonly #words = new Int32Array(PLACES * WORDS.length);
  readonly #written = Buffer.alloc(PLACES * WRITTEN_BYTES_MAX);
  /** 0: nothing is remembered there. */
  readonly #lengths = new Uint16Array(PLACES);
  /** Whether its name is no UTF-8. */
  readonly #escaped = new Uint8Array(PLACES);

  /** Returns whether its name is no UTF-8. */
  write(to: LineWriter, event: ProbeEvent): boolean {
    const place = event.view.getUint32(event.at + TID_AT, true) % PLACES;
    if (this.#lengths[place] !== 0 && this.#isSame(place, event)) {
      to.putFrom(this.#written, place * WRITTEN_BYTES_MAX, this.#lengths[place]!);
      return this.#escaped[place] === 1;
    }
    const begin = to.at;
    const escaped = writeAll(to, event);
    this.#remember(place, event, to, begin, escaped);
    return escaped;
  }

  #isSame(place: number, { view, at }: ProbeEvent): boolean {
    const [words, from] = [this.#words, place * WORDS.length];
    for (let i = 0; i < WORDS.length; i += 1) if (words[from + i] !== view.getInt32(at + WORDS[i]!, true)) return false;
    return true;
  }

  #remember(place: number, { view, at }: ProbeEvent, to: LineWriter, begin: number, escaped: boolean): void {
    const length = to.at - begin;
    this.#lengths[place] = length > WRITTEN_BYTES_MAX ? 0 : length;
    if (length > WRITTEN_BYTES_MAX) return;
    to.copyTo(this.#written, place * WRITTEN_BYTES_MAX, begin);
    const [words, from] = [this.#words, place * WORDS.length];
    for (let i = 0; i < WORDS.length; i += 1) words[from + i] = view.getInt32(at + WORDS[i]!, true);
    this.#escaped[place] = escaped ? 1 : 0;
  }
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
    else {
      to.put(id.name);
      to.put(NULL);
    }
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

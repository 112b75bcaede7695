// SPDX-License-Identifier: Apache-2.0
// For tests: frames as strongroom-audit sends them.
import { ByteWriter } from '@strongroom/bytes';
import { AUDIT_FRAME, type Status } from '../audit/frames.ts';

export interface Frame {
  readonly kind: number;
  readonly payload: Buffer;
}

export interface Sent {
  readonly type: number;
  readonly text: string;
}

const done = (kind: number, to: ByteWriter): Frame => ({ kind, payload: Buffer.from(to.finish()) });
const moment = (atMs: number, drained: boolean, again: boolean): ByteWriter =>
  new ByteWriter().u64(BigInt(Math.round(atMs)) * 1_000_000n).u64(BigInt(Math.round(1.7e12 + atMs)) * 1_000_000n).u8((drained ? 1 : 0) | (again ? 2 : 0));

export function helloFrame(path: 0 | 1 | 2 = 0): Frame {
  return done(AUDIT_FRAME.hello, new ByteWriter().u8(1).u8(path).u32(4711).u64(33_554_432).u8(1));
}

export function recordsFrame(atMs: number, records: readonly Sent[], { drained = true, again = false } = {}): Frame {
  const to = moment(atMs, drained, again);
  for (const { type, text } of records) {
    const octets = Buffer.from(text, 'latin1');
    to.u16(type).u32(octets.length).bytes(octets);
  }
  return done(AUDIT_FRAME.records, to);
}

export function linesFrame(atMs: number, text: string, { drained = true, again = false } = {}): Frame {
  return done(AUDIT_FRAME.lines, moment(atMs, drained, again).bytes(Buffer.from(text, 'latin1')));
}

export function lostFrame(records: number): Frame {
  return done(AUDIT_FRAME.lost, new ByteWriter().u64(1_700_000_000_000_000_000n).u64(1_700_000_001_000_000_000n).u64(records));
}

export function statusFrame(status: Partial<Omit<Status, 'atNs'>> = {}): Frame {
  const { enabled = 1, failure = 1, pid = 0, rateLimit = 0, backlogLimit = 8192, lost = 0, backlog = 0, features = 127, backlogWaitTime = 15_000, waited = 0, execRules = 0 } = status;
  const to = new ByteWriter().u64(1_700_000_000_000_000_000n);
  for (const word of [enabled, failure, pid, rateLimit, backlogLimit, lost, backlog, features, backlogWaitTime, waited, execRules]) to.u32(word);
  return done(AUDIT_FRAME.status, to);
}

export function noteFrame(errno: number, text: string): Frame {
  return done(AUDIT_FRAME.note, new ByteWriter().u16(errno).bytes(Buffer.from(text)));
}

/** The records of one system call, as the kernel sends them. */
export function syscallRecords(serial: number, seconds = 1_700_000_000): Sent[] {
  const stamp = `audit(${seconds}.001:${serial})`;
  return [
    { type: 1300, text: `${stamp}: arch=c000003e syscall=59 success=yes pid=7 auid=1000 uid=0 ses=3 comm="true" exe="/usr/bin/true"` },
    { type: 1309, text: `${stamp}: argc=1 a0="true"` },
    { type: 1320, text: `${stamp}: ` },
  ];
}

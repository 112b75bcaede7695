// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventLine } from './event-line.ts';
import { EVENT_TYPES, parseCounts, parseEvents, parseHello, type ProbeEvent } from './frames.ts';
import { Ledger } from './ledger.ts';

/** An event as the probe lays it out. */
function event(type: number, cpu: number, sequence: number, first: Buffer = Buffer.alloc(0), second: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(200);
  [type, cpu, first.length, second.length].forEach((value, index) => header.writeUInt16LE(value, index * 2));
  header.writeUInt32LE(first.length, 12);
  header.writeBigUInt64LE(BigInt(sequence), 16);
  header.writeBigUInt64LE(2n ** 63n + 1n, 24);
  for (const at of [68, 72]) header.writeUInt32LE(0xffff_ffff, at);
  header.writeInt32LE(-1, 92);
  header.write('name\0rest', 184);
  return Buffer.concat([header, first, second]);
}
const numbered = (cpu: number, sequence: number): ProbeEvent => parseEvents(event(0, cpu, sequence))[0]!;
const counts = (lost: number) => ({ fromNs: 0n, toNs: 1n, rows: [{ cpu: 0, type: 'exec' as const, lost, own: 2 }] });

describe('frames of the probe', () => {
  it('are read whole or refused', () => {
    const two = Buffer.concat([event(0, 0, 1, Buffer.from('a\0b\0'), Buffer.from('/bin/a')), event(1, 1, 7)]);
    assert.deepEqual(parseEvents(two).map(({ type, cpu, sequence }) => [type, cpu, sequence]), [['exec', 0, 1], ['exit', 1, 7]]);
    for (const bad of [two.subarray(0, -1), event(EVENT_TYPES.length, 0, 0), Buffer.alloc(3)]) assert.throws(() => parseEvents(bad), { code: 'ebpf.frame' });
    assert.throws(() => parseHello(Buffer.from([2])), { code: 'ebpf.frame' });
    assert.throws(() => parseCounts(Buffer.alloc(17)), { code: /^bytes\./ });
  });
});

describe('line of an event', () => {
  it('has all digits of a number, and octets that are no UTF-8 escaped without doubt', () => {
    const text = eventLine(parseEvents(event(0, 0, 0, Buffer.from('a\0\xff\\\0', 'latin1'), Buffer.from('/bin/ä')))[0]!);
    assert.match(text, /^\{"type":"exec","time":9223372036854775809,"cpu":0,"sequence":0,/);
    const { command, executable, escaped, login, name } = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual({ command, executable, escaped, login, name }, { command: ['a', '\\xff\\x5c'], executable: '/bin/ä', escaped: ['command'], login: null, name: 'name' });
  });
});

describe('ledger of eBPF', () => {
  it('knows which holes in the numbers are explained, whichever comes first', () => {
    const ledger = new Ledger();
    ledger.begin([10, 0]);
    ledger.take(numbered(0, 10));
    ledger.take(numbered(0, 14));
    assert.deepEqual([ledger.unseen, ledger.overrun, ledger.lost], [3, 0, 3]);
    ledger.count(counts(3));
    assert.deepEqual([ledger.unseen, ledger.overrun, ledger.lost], [0, 3, 3]);
    ledger.count(counts(2)); // behind the last that came
    assert.deepEqual([ledger.unseen, ledger.overrun, ledger.received, ledger.settled], [0, 5, 2, 15]);
    ledger.take(numbered(0, 17));
    ledger.take(numbered(1, 1));
    assert.deepEqual([ledger.unseen, ledger.overrun], [1, 5]);
    ledger.take(numbered(1, 0)); // later than its successor
    assert.deepEqual([ledger.unseen, ledger.own.exec], [0, 4]);
  });

  it('keeps what earlier probes lost', () => {
    const ledger = new Ledger();
    ledger.begin([0]);
    ledger.take(numbered(0, 4));
    ledger.count(counts(1));
    ledger.begin([0]);
    ledger.take(numbered(0, 0));
    assert.deepEqual([ledger.unseen, ledger.overrun, ledger.received, ledger.settled], [3, 1, 2, 1]);
  });
});

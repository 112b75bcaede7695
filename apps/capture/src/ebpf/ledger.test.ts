// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { probeEvent } from '../testing/probe-events.ts';
import { EVENT_TYPES, parseCounts, parseEvents, parseHello, type ProbeEvent } from './frames.ts';
import { Ledger } from './ledger.ts';

const numbered = (cpu: number, sequence: number): ProbeEvent => parseEvents(probeEvent({ cpu, sequence }))[0]!;
const counts = (lost: number) => ({ fromNs: 0n, toNs: 1n, rows: [{ cpu: 0, type: 'exec' as const, lost, own: 2 }] });

describe('frames of the probe', () => {
  it('are read whole or refused', () => {
    const two = Buffer.concat([probeEvent({ sequence: 1, first: Buffer.from('a\0b\0'), second: Buffer.from('/bin/a') }), probeEvent({ type: 1, cpu: 1, sequence: 7 })]);
    assert.deepEqual(parseEvents(two).map(({ type, cpu, sequence }) => [type, cpu, sequence]), [['exec', 0, 1], ['exit', 1, 7]]);
    for (const bad of [two.subarray(0, -1), probeEvent({ type: EVENT_TYPES.length }), Buffer.alloc(3)]) assert.throws(() => parseEvents(bad), { code: 'ebpf.frame' });
    assert.throws(() => parseHello(Buffer.from([2])), { code: 'ebpf.frame' });
    assert.throws(() => parseCounts(Buffer.alloc(17)), { code: /^bytes\./ });
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

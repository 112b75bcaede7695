// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isIncomplete, Joiner, type AuditEvent } from './joiner.ts';
import { KeptLines } from './kept-lines.ts';
import { recordOf, type AuditRecord } from './record.ts';

const [SYSCALL, PATH, CONFIG_CHANGE, EOE, USER_CMD] = [1300, 1302, 1305, 1320, 1123];

function record(serial: number, type: number, timeMs = 1000): AuditRecord {
  return recordOf(type, Buffer.from(`audit(${Math.floor(timeMs / 1000)}.${timeMs % 1000}:${serial}): x`))!;
}
const event = (types: number[], end: AuditEvent['end'] = 'quiet', late = false): AuditEvent => ({ serial: 1, timeMs: 0, records: types.map((type) => record(1, type)), end, late });
const summary = ({ serial, records, end, late }: AuditEvent) => ({ serial, types: records.map(({ type }) => type), end, late });

describe('joining audit records', () => {
  it('joins what interleaves, in the order in which it came, until EOE', () => {
    const joiner = new Joiner();
    const over = [[1, SYSCALL], [2, SYSCALL], [1, PATH], [2, PATH], [2, EOE], [1, EOE]].flatMap(([serial, type]) => joiner.add(record(serial!, type!), 0));
    assert.deepEqual(over.map(summary), [
      { serial: 2, types: [SYSCALL, PATH, EOE], end: 'eoe', late: false },
      { serial: 1, types: [SYSCALL, PATH, EOE], end: 'eoe', late: false },
    ]);
    const kept = new KeptLines();
    kept.join(over[0]!.records);
    assert.deepEqual(kept.take().data.toString().split('\n'), ['type=SYSCALL msg=audit(1.0:2): x', 'type=PATH msg=audit(1.0:2): x', 'type=EOE msg=audit(1.0:2): x']);
    assert.equal(joiner.open, 0);
  });

  it('gives out at once what is alone, also amid an event', () => {
    const joiner = new Joiner();
    joiner.add(record(1, SYSCALL), 0);
    assert.deepEqual(joiner.add(record(2, USER_CMD), 0).map(summary), [{ serial: 2, types: [USER_CMD], end: 'alone', late: false }]);
    assert.equal(joiner.open, 1);
  });

  it('ends what the kernel does not end when nothing more has come for a while', () => {
    const joiner = new Joiner({ quietMs: 100 });
    joiner.add(record(1, CONFIG_CHANGE), 0);
    joiner.add(record(2, CONFIG_CHANGE), 50);
    assert.deepEqual(joiner.expire(99), []);
    assert.deepEqual(joiner.expire(100).map(summary), [{ serial: 1, types: [CONFIG_CHANGE], end: 'quiet', late: false }]);
    joiner.add(record(2, PATH), 140);
    assert.deepEqual(joiner.expire(239), []);
    assert.deepEqual(joiner.expire(240).map((event) => summary(event).types), [[CONFIG_CHANGE, PATH]]);
  });

  it('marks what comes after the end of its event', () => {
    const joiner = new Joiner({ quietMs: 100 });
    joiner.add(record(1, SYSCALL), 0);
    joiner.add(record(1, EOE), 0);
    assert.deepEqual(joiner.add(record(1, PATH), 1), []);
    assert.deepEqual(joiner.expire(200).map(summary), [{ serial: 1, types: [PATH], end: 'quiet', late: true }]);
  });

  it('takes a serial of another time for another event', () => {
    const joiner = new Joiner();
    joiner.add(record(1, SYSCALL, 1000), 0);
    const over = [...joiner.add(record(1, SYSCALL, 9000), 1), ...joiner.add(record(1, EOE, 9000), 1)];
    assert.deepEqual(over.map((event) => [event.timeMs, summary(event).types, event.late]), [[1000, [SYSCALL], false], [9000, [SYSCALL, EOE], false]]);
  });

  it('is bounded in events, records, octets and memory of what is over', () => {
    const joiner = new Joiner({ openMax: 2, recordsMax: 3, bytesMax: 200, rememberedMax: 1 });
    const over = [1, 2, 3].flatMap((serial) => joiner.add(record(serial, SYSCALL), 0));
    assert.deepEqual(over.map(summary), [{ serial: 1, types: [SYSCALL], end: 'crowded', late: false }]);
    joiner.add(record(2, PATH), 0);
    assert.deepEqual(joiner.add(record(2, PATH), 0).map(summary), [{ serial: 2, types: [SYSCALL, PATH, PATH], end: 'full', late: false }]);
    const long = recordOf(PATH, Buffer.from(`audit(1.0:3): ${'x'.repeat(200)}`))!;
    assert.deepEqual(joiner.add(long, 0).map(({ end }) => end), ['full']);
    assert.deepEqual(joiner.add(record(3, EOE), 0).map(({ late }) => late), [true]);
    assert.deepEqual(joiner.add(record(1, EOE), 0).map(({ late }) => late), [false], 'forgotten by now');
    assert.equal(joiner.open, 0);
  });

  it('gives out what is open at the end of reading', () => {
    const joiner = new Joiner();
    joiner.add(record(1, SYSCALL), 0);
    joiner.add(record(2, SYSCALL), 0);
    assert.deepEqual(joiner.flush().map(summary), [1, 2].map((serial) => ({ serial, types: [SYSCALL], end: 'flushed', late: false })));
    assert.equal(joiner.open, 0);
  });

  it('tells events that lack records from those that never had more', () => {
    assert.deepEqual([[SYSCALL, EOE], [CONFIG_CHANGE], [SYSCALL, PATH], [PATH, EOE]].map((types) => isIncomplete(event(types))), [false, false, true, true]);
    assert.equal(isIncomplete(event([PATH], 'quiet', true)), false);
    assert.equal(isIncomplete(event([SYSCALL], 'full')), false);
  });
});

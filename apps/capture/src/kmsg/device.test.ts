// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { kmsgDevice, kmsgSequence } from './device.ts';

const DEVICE = '/dev/kmsg';

/** A descriptor of the real device, or why there is none. */
function open(): number | string {
  try {
    return openSync(DEVICE, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('kmsg records', () => {
  it('name their sequence', () => {
    assert.equal(kmsgSequence(Buffer.from('6,350,1295294,-;EXT4-fs (vda): mounted\n')), 350);
    assert.equal(kmsgSequence(Buffer.from('12,0,0,c,more=1,yet-another;\n')), 0);
    assert.equal(kmsgSequence(Buffer.from('6,9007199254740993,1,-;beyond\n')), null);
    assert.equal(kmsgSequence(Buffer.from('6,350,1295294,-\n')), null);
    assert.equal(kmsgSequence(Buffer.from('<6>text\n')), null);
    assert.equal(kmsgSequence(Buffer.alloc(0)), null);
  });
});

describe('the device', () => {
  it('gives one record per read, in order, each line once', (test) => {
    const descriptor = open();
    if (typeof descriptor === 'string') return test.skip(descriptor);
    const marker = randomUUID();
    // Opened for each line: the kernel limits how fast one writer may write.
    for (let i = 0; i < 30; i += 1) writeFileSync(DEVICE, `strongroom test ${marker} ${i}\n`);
    const read = kmsgDevice(descriptor);
    const records: Buffer[] = [];
    for (let got = read(); got !== 'empty'; got = read()) if (got !== 'overwritten') records.push(got);
    closeSync(descriptor);
    const sequences = records.map((record) => kmsgSequence(record)!);
    assert.ok(sequences.every((sequence, i) => i === 0 || sequence > sequences[i - 1]!));
    const ours = records.map((record) => record.toString()).filter((text) => text.includes(marker));
    assert.deepEqual(ours.map((text) => /^\d+,\d+,\d+,[^;]*;strongroom test \S+ (\d+)\n$/.exec(text)?.[1]), Array.from({ length: 30 }, (_, i) => String(i)));
  });

  it('that cannot be read fails with a code', () => {
    const descriptor = openSync(import.meta.dirname, constants.O_RDONLY);
    assert.throws(kmsgDevice(descriptor), { name: 'Failed', code: 'kmsg.unreadable' });
    closeSync(descriptor);
  });
});

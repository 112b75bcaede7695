// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAlone, isDaemons, lineOf, recordIn, recordOf, stampAt } from './record.ts';

describe('audit record', () => {
  it('has the time and the serial of its stamp', () => {
    assert.deepEqual(stampAt(Buffer.from('audit(1700000000.023:4294967295): a=1'), 0), { timeMs: 1_700_000_000_023, serial: 4_294_967_295 });
    assert.deepEqual(stampAt(Buffer.from('xx audit(1.2:3)'), 3), { timeMs: 1002, serial: 3 });
  });

  it('has none where the octets are no stamp', () => {
    const wrong = ['', 'audit', 'audit(', 'audit(1:2)', 'audit(1.2)', 'audit(1.2:)', 'audit(.2:3)', 'audit(1.2:3', 'audit(1.1000:3)', 'audit(1.2:4294967296)', 'audit(1e9.2:3)', `audit(${'9'.repeat(40)}.2:3)`, 'Audit(1.2:3)'];
    for (const text of wrong) assert.equal(stampAt(Buffer.from(text), 0), null, text);
  });

  it('becomes the line that auditd writes, and is read back from it', () => {
    const octets = Buffer.from('audit(1.234:5): argc=1 a0="\xff"', 'latin1');
    for (const [type, name] of [[1309, 'EXECVE'], [1999, 'UNKNOWN[1999]']] as const) {
      const record = recordOf(type, octets)!;
      assert.equal(lineOf(record).toString('latin1'), `type=${name} msg=${octets.toString('latin1')}`);
      const read = recordIn(lineOf(record))!;
      assert.deepEqual([read.type, read.timeMs, read.serial, lineOf(read)], [type, 1234, 5, lineOf(record)]);
      assert.equal(recordIn(Buffer.concat([Buffer.from('node=host.example '), lineOf(record)]))?.serial, 5);
    }
    assert.equal(recordOf(1309, Buffer.from('no stamp')), null);
  });

  it('keeps a line of a type that it does not know by name', () => {
    assert.equal(recordIn(Buffer.from('type=NEW_THING msg=audit(1.2:3): x=1'))?.type, 0);
    for (const text of ['', 'type=EXECVE', 'msg=audit(1.2:3)', 'type=EXECVE msg=audit(', 'type=UNKNOWN[] msg=audit(1.2:3)']) assert.equal(recordIn(Buffer.from(text)), null, text);
  });

  it('is known to be alone in its event, or counted by auditd', () => {
    assert.deepEqual([1005, 1100, 1199, 1200, 2000, 2404].map(isAlone), [true, true, true, true, true, true]);
    assert.deepEqual([1006, 1300, 1305, 1320, 1400, 1701].map(isAlone), [false, false, false, false, false, false]);
    assert.deepEqual([1199, 1200, 1299, 1300].map(isDaemons), [false, true, true, false]);
  });
});

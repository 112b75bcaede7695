// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Feed } from '../feed.ts';
import { SealedLine } from '../testing/sealed-line.ts';
import { Elsewhere } from './elsewhere.ts';

const boot = 'c4f591bd-85de-4bf1-b443-196190be7b3b';
const kmsg = (serial: number): Buffer => Buffer.from(`5,1234,99887766,-;audit: type=1300 audit(1700000000.123:${serial}): pid=1\n`);
const entry = (fields: Record<string, string>): Buffer => Buffer.from(JSON.stringify({ _BOOT_ID: boot.replaceAll('-', ''), ...fields }));
const audited = (serial: number): Buffer => entry({ _TRANSPORT: 'audit', _AUDIT_ID: `${serial}` });

function begin(had: ReadonlySet<number>) {
  const said: [string, unknown][] = [];
  const feed = new Feed(new SealedLine(), { boot, kmsg: null, audit: null, cursor: null }, () => assert.fail('denied'));
  return { said, feed, elsewhere: new Elsewhere({ boot, feed, say: (event, fields) => { said.push([event, fields]); }, isHad: (serial) => had.has(serial) }) };
}

describe('the audit elsewhere', () => {
  it('counts what the audit had as well, once it had time to come', () => {
    const had = new Set<number>();
    const { feed, elsewhere } = begin(had);
    for (const serial of [1, 2, 3]) elsewhere.kmsg(kmsg(serial));
    elsewhere.kmsg(Buffer.from('5,1235,99887767,-;usb: new device\n'));
    elsewhere.settle('kmsg');
    elsewhere.kmsg(kmsg(4));
    for (const serial of [2, 3, 4]) had.add(serial);
    elsewhere.settle('kmsg');
    assert.equal(feed.tally('kmsg').repeats, 2, 'one of them the audit never had, and one is too young');
    elsewhere.settle('kmsg', true);
    assert.equal(feed.tally('kmsg').repeats, 3);
    for (const line of [audited(2), audited(9), entry({ _TRANSPORT: 'audit', _AUDIT_ID: '3', _BOOT_ID: '0'.repeat(32) }), entry({ MESSAGE: 'nothing' })]) elsewhere.journal(line);
    elsewhere.settle('journal', true);
    elsewhere.settle('journal', true);
    assert.equal(feed.tally('journal').repeats, 1);
  });

  it('holds no more than it must while nobody asks', () => {
    const { feed, elsewhere } = begin(new Set([7]));
    for (let round = 0; round < 50_000; round += 1) elsewhere.kmsg(kmsg(7));
    assert.ok(feed.tally('kmsg').repeats >= 32_768 - 16_384);
  });

  it('hears auditd say that its queue is full, and nobody else', () => {
    const { said, elsewhere } = begin(new Set());
    const full = { MESSAGE: 'queue to plugins is full - dropping event', SYSLOG_IDENTIFIER: 'auditd', _COMM: 'auditd', _EXE: '/usr/sbin/auditd', _UID: '0', _PID: '812' };
    for (const line of [entry(full), entry({ ...full, _COMM: 'logger', _EXE: '/usr/bin/logger' }), entry({ ...full, _EXE: '/usr/bin/sudo' }), entry({ ...full, _EXE: '/tmp/sbin/auditd' }), entry({ ...full, _UID: '1000' }), Buffer.from('dropping event'), entry({ ...full, MESSAGE: 'audit dispatcher initialized' })]) elsewhere.journal(line);
    assert.deepEqual(said, [['audit.queue-full', { pid: '812', message: full.MESSAGE }]]);
  });
});

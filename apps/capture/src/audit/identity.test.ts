// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventInJournal, identityOf, stampInJournal, stampInKmsg } from './identity.ts';
import { recordIn, recordOf } from './record.ts';

const boot = 'c4f591bd-85de-4bf1-b443-196190be7b3b';
const octets = 'audit(1700000000.123:77): pid=1 op=set';
const expected = `${boot}/1700000000123/77`;

describe('the same audit event by several ways', () => {
  it('has one identity from the kernel, auditd, kernel messages and the journal', () => {
    const kernel = recordOf(1305, Buffer.from(octets))!;
    const auditd = recordIn(Buffer.from(`type=CONFIG_CHANGE msg=${octets}`))!;
    const kmsg = stampInKmsg(Buffer.from(`5,1234,99887766,-,caller=T1;audit: type=1305 ${octets}\n`))!;
    for (const stamp of [kernel, auditd, kmsg]) assert.equal(identityOf(boot, stamp), expected);
    const entries = [
      { _TRANSPORT: 'audit', _BOOT_ID: boot.replaceAll('-', ''), _AUDIT_TYPE: '1305', _AUDIT_ID: '77', _SOURCE_REALTIME_TIMESTAMP: '1700000000123000', MESSAGE: 'CONFIG_CHANGE pid=1 op=set' },
      { _TRANSPORT: 'kernel', _BOOT_ID: boot.replaceAll('-', ''), MESSAGE: `audit: type=1305 ${octets}` },
    ];
    for (const entry of entries) {
      const found = eventInJournal(Buffer.from(JSON.stringify(entry)))!;
      assert.equal(identityOf(found.boot, found.stamp), expected);
      assert.deepEqual(stampInJournal(Buffer.from(JSON.stringify(entry))), { boot, serial: 77 });
    }
  });

  it('is not found in what a program only says', () => {
    const said = { _BOOT_ID: boot.replaceAll('-', ''), MESSAGE: `audit: type=1305 ${octets}` };
    assert.equal(eventInJournal(Buffer.from(JSON.stringify({ ...said, _TRANSPORT: 'syslog' }))), null);
    assert.equal(stampInJournal(Buffer.from(JSON.stringify({ _TRANSPORT: 'syslog', _BOOT_ID: boot.replaceAll('-', ''), MESSAGE: '"_AUDIT_ID":"77" "_TRANSPORT":"audit"' }))), null);
    assert.equal(stampInKmsg(Buffer.from(`12,1,2,-;program: audit: type=1305 ${octets}`)), null);
    for (const text of ['', 'null', '[]', '{', '{"_TRANSPORT":"audit"}', `{"_TRANSPORT":"audit","_BOOT_ID":"${'0'.repeat(32)}","_AUDIT_ID":"x"}`]) {
      assert.equal(eventInJournal(Buffer.from(text)), null, text);
      assert.equal(stampInJournal(Buffer.from(text)), null, text);
    }
  });
});

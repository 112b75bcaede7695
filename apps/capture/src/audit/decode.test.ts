// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { argumentsOf, decodeLine, fieldsOf, socketAddressOf, titleOf } from './decode.ts';
import { textOf } from './text.ts';

const hex = (text: string | Buffer): string => Buffer.from(text as string).toString('hex').toUpperCase();
const valuesOf = (text: string): Record<string, string | null> => Object.fromEntries(fieldsOf(text).map(({ name, value }) => [name, value]));
const line = (type: string, body: string): Buffer => Buffer.from(`type=${type} msg=audit(1700000000.001:42): ${body}`, 'latin1');

describe('decoding audit fields', () => {
  it('reads type, stamp and fields, quoted, in hexadecimal, or bare', () => {
    const decoded = decodeLine(line('SYSCALL', `arch=c000003e success=yes exit=0 comm="cat" exe=${hex('/opt/with space/ü')} key=(null)`))!;
    assert.deepEqual([decoded.type, decoded.stamp], ['SYSCALL', { timeMs: 1_700_000_000_001, serial: 42 }]);
    assert.deepEqual(decoded.fields.map(({ name, value }) => [name, value]), [
      ['arch', 'c000003e'], ['success', 'yes'], ['exit', '0'], ['comm', 'cat'], ['exe', '/opt/with space/ü'], ['key', null],
    ]);
    assert.equal(decoded.fields[4]!.written, hex('/opt/with space/ü'));
  });

  it('takes hexadecimal for text only in fields that are so encoded', () => {
    assert.deepEqual(valuesOf('pid=4142 a0=4142 name=4142 cwd="4142" comm=ABC'), { pid: '4142', a0: '4142', name: 'AB', cwd: '4142', comm: 'ABC' });
  });

  it('opens what a program reported, and leaves out what auditd added for readers', () => {
    const text = `pid=1 uid=0 auid=4294967295 msg='op=PAM:session_open acct="root" exe="/usr/bin/su" res=success'`;
    const whole = { pid: '1', uid: '0', auid: '4294967295', op: 'PAM:session_open', acct: 'root', exe: '/usr/bin/su', res: 'success' };
    assert.deepEqual(valuesOf(text), whole);
    const enriched = decodeLine(line('USER_START', `${text}\x1dUID="root" AUID="unset"`))!;
    assert.deepEqual(Object.fromEntries(enriched.fields.map(({ name, value }) => [name, value])), whole);
  });

  it('shows octets that are no text', () => {
    assert.equal(textOf(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xc3, 0x0a, 0x5c])), 'a\\xffé\\xc3\\x0a\\\\');
    assert.deepEqual(valuesOf('name=FF41').name, '\\xffA');
  });

  it('keeps a name of several lines from looking like several fields', () => {
    assert.deepEqual(valuesOf(`name=${hex('a\nuid=0 "x"')}`), { name: 'a\\x0auid=0 "x"' });
  });

  it('is null for what is no audit line', () => {
    for (const text of ['', 'type=SYSCALL', 'type=SYSCALL msg=audit(1.2:x): a=1', 'nothing', ' msg=audit(1.2:3): a=1']) assert.equal(decodeLine(Buffer.from(text)), null, text);
  });
});

describe('decoding arguments', () => {
  it('reads them quoted and in hexadecimal', () => {
    assert.deepEqual(argumentsOf([line('EXECVE', `argc=3 a0="ls" a1="-l" a2=${hex('two words')}`)]), { values: ['ls', '-l', 'two words'], count: 3, complete: true });
  });

  it('joins one that was split over records, whatever their order', () => {
    const long = 'x'.repeat(50) + ' ';
    const lines = [line('EXECVE', `argc=3 a0="sh" a1_len=${long.length * 2} a1[0]=${hex(long.slice(0, 20))}`), line('EXECVE', `a1[2]=${hex(long.slice(40))} a2="end"`), line('EXECVE', `a1[1]=${hex(long.slice(20, 40))}`)];
    assert.deepEqual(argumentsOf(lines), { values: ['sh', long, 'end'], count: 3, complete: true });
  });

  it('says which it has not', () => {
    assert.deepEqual(argumentsOf([line('EXECVE', 'argc=3 a0="a" a2="c"')]), { values: ['a', null, 'c'], count: 3, complete: false });
    assert.deepEqual(argumentsOf([line('EXECVE', 'argc=1 a0_len=9 a0[0]="abc" a0[2]="ghi"')])!.values, [null]);
    assert.deepEqual(argumentsOf([line('EXECVE', 'argc=1 a0_len=9 a0[0]="abc" a0[1]="def"')])!.values, [null]);
    assert.equal(argumentsOf([line('EXECVE', 'a0="abc"')]), null);
  });

  it('reads the command line of PROCTITLE', () => {
    assert.deepEqual(titleOf(line('PROCTITLE', `proctitle=${hex('tail\0-f\0/var/log/a b\0')}`)), { values: ['tail', '-f', '/var/log/a b'], cut: false });
    assert.deepEqual(titleOf(line('PROCTITLE', 'proctitle="bash"')), { values: ['bash'], cut: false });
    assert.equal(titleOf(line('PROCTITLE', `proctitle=${hex('x'.repeat(128))}`))!.cut, true);
    assert.equal(titleOf(line('PROCTITLE', '')), null);
  });
});

const addressIn = (octets: string): unknown => socketAddressOf(line('SOCKADDR', `saddr=${octets}`));

describe('decoding socket addresses', () => {
  it('reads IPv4, IPv6, Unix and netlink', () => {
    assert.deepEqual(addressIn('02000050C0000201' + '0'.repeat(16)), { family: 'inet', address: '192.0.2.1', port: 80 });
    assert.deepEqual(addressIn('0A0001BB0000000020010DB800000000000000000000000100000000'), { family: 'inet6', address: '2001:db8::1', port: 443 });
    assert.deepEqual(addressIn('0A00000000000000' + '0'.repeat(32) + '00000000'), { family: 'inet6', address: '::', port: 0 });
    assert.deepEqual(addressIn(`0100${hex('/run/a.sock\0rubbish')}`), { family: 'unix', path: '/run/a.sock', abstract: false });
    assert.deepEqual(addressIn(`0100${hex('\0name\0')}`), { family: 'unix', path: 'name', abstract: true });
    assert.deepEqual(addressIn('100000000700000001000000'), { family: 'netlink', port: 7, groups: 1 });
  });

  it('keeps the octets of what it does not know, or what is too short', () => {
    assert.deepEqual(addressIn('1D00AABB'), { family: 29, octets: '1d00aabb' });
    assert.deepEqual(addressIn('02000050'), { family: 2, octets: '02000050' });
    assert.equal(addressIn('02'), null);
    assert.equal(addressIn('XYZ'), null);
  });
});

describe('decoding garbage', () => {
  it('never throws, and never takes long', () => {
    let state = 11;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    const words = ['type=', 'EXECVE', ' msg=audit(1.2:3)', 'a0', '[', ']', '_len=', '=', '"', "'", 'msg=', ' ', '\x1d', 'saddr=', 'proctitle=', 'FF', '0A00', '\0', '\n', '\xff', 'argc=', '99999999', '-1', 'name=', 'é'];
    for (let round = 0; round < 5000; round += 1) {
      let text = random(3) === 0 ? '' : 'type=EXECVE msg=audit(1.2:3): ';
      for (let length = random(40); length > 0; length -= 1) text += random(4) === 0 ? String.fromCharCode(random(256)) : words[random(words.length)]!;
      const octets = Buffer.from(text, 'latin1');
      const before = Buffer.from(octets);
      decodeLine(octets);
      argumentsOf([octets, octets]);
      titleOf(octets);
      socketAddressOf(octets);
      assert.ok(octets.equals(before));
    }
    for (const part of ['a', 'a=', '="', "='", ' a=\'', 'a1[1]=', '\\', 'msg=\'']) decodeLine(line('USER_CMD', part.repeat(Math.floor(9000 / part.length))));
  });
});

// SPDX-License-Identifier: Apache-2.0
// Frames as strongroom-files sends them, and such as it never should. What the real reader says is in live.test.ts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteWriter } from '@strongroom/bytes';
import { FilesLife } from '../testing/files-reader.ts';
import { FILES_FRAME } from './frames.ts';

const refused = (code: string) => ({ name: 'Refused', code });
const done = (to: ByteWriter): Buffer => Buffer.from(to.finish());
const hello = ({ baseline = 7n, next = 1, digestNumber = 0, digest = 0 } = {}): Buffer =>
  done(new ByteWriter().u8(1).u32(4711).u64(baseline).u64(next).u64(digestNumber).bytes(Buffer.alloc(32, digest)).u64(3).u64(20).bytes(Buffer.from('/etc\0/boot\0')));
const facts = (to: ByteWriter, kind = 1): ByteWriter =>
  to.u8(kind).u8(1).u8(0).u16(0).u32(0o644).u32(0).u32(0).u64(0x800_0010_0003n).u64(2n ** 64n - 1n).u64(5).u64(1n).u64(2n).bytes(Buffer.alloc(32, 0xab)).bytes(Buffer.alloc(32));
const difference = (number: number, path: Buffer | string = '/etc/a', how = 0): Buffer => {
  const octets = Buffer.from(path);
  return done(facts(new ByteWriter().u64(number).u8(0).u8(how).u64(1_700_000_000_000_000_001n).u8(1).u64(0n).u32(99).u16(octets.length).bytes(octets).u16(0).u8(2)));
};
const scan = (number: number, digest: number): Buffer => {
  const to = new ByteWriter().u64(number).u8(0).u8(1);
  for (let value = 0; value < 11; value += 1) to.u64(value);
  return done(to.bytes(Buffer.alloc(32, digest)));
};

const mount = (number: number, what: number, error: number): Buffer => done(new ByteWriter().u64(number).u8(what).u16(error).u64(0x3_0000_0001n).bytes(Buffer.from('/srv/\xff', 'latin1')));

const open = (last?: ConstructorParameters<typeof FilesLife>[1]): FilesLife => new FilesLife('', last);

function say(life: FilesLife, ...frames: readonly (readonly [kind: number, payload: Buffer])[]): void {
  for (const [kind, payload] of frames) life.origin.frame(kind, payload);
  void life.feed.drain();
}

describe('differences of files', () => {
  it('are written with all digits of their numbers, and with octets that are no UTF-8', () => {
    const life = open();
    say(life, [FILES_FRAME.hello, hello()], [FILES_FRAME.difference, difference(1, Buffer.from([0x2f, 0xff, 0x5c]))]);
    assert.deepEqual(life.line.texts('files'), [
      `{"type":"created","path":"/\\\\xff\\\\x5c","how":"event","noticed":1700000000000000001,"pid":99,"started":null,"before":null,"after":{"kind":"file","mode":420,"uid":0,"gid":0,"size":5,"device":"8388609:3","inode":18446744073709551615,"sha256":"${'ab'.repeat(32)}","modified":1,"changed":2},"number":1,"escaped":["path"]}`,
    ]);
    assert.deepEqual(life.told('files.reading').map(({ watch, digest }) => [watch, digest]), [['/etc /boot', null]]);
  });

  it('that come again are taken once, and those that never came are told by number', () => {
    const life = open();
    say(life, [FILES_FRAME.hello, hello({ next: 5 })], [FILES_FRAME.difference, difference(3)], [FILES_FRAME.difference, difference(3)], [FILES_FRAME.difference, difference(7)]);
    assert.deepEqual(life.records.map((record) => record['number']), [3, 7]);
    assert.deepEqual(life.told('files.missing'), [{ count: 3, from: 4, to: 6 }]);
    life.origin.seal();
    void life.feed.drain();
    const ledger = life.told('files.ledger').at(-1)!;
    assert.deepEqual([ledger['produced'], ledger['received'], ledger['lost'], ledger['repeated'], ledger['settled']], [5, 2, 3, 1, 7]);
    assert.equal(life.committed.files?.settled, 7);
  });

  it('come with what was mounted, told once by its number', () => {
    const life = open();
    say(life, [FILES_FRAME.hello, hello()], [FILES_FRAME.mount, mount(1, 0, 0)], [FILES_FRAME.mount, mount(1, 0, 0)], [FILES_FRAME.mount, mount(2, 3, 1)]);
    assert.deepEqual(life.told('files.mount'), [{ what: 'watched', path: '/srv/\\xff', device: '12288:1' }, { what: 'not-hashed', path: '/srv/\\xff', device: '12288:1', error: 1 }]);
    assert.equal(life.committed.files?.settled, 2);
    assert.throws(() => say(life, [FILES_FRAME.mount, mount(3, 4, 0)]), refused('files.frame'));
  });

  it('go on where the vault has them, over boots too, and a baseline that is not the sealed one is told', () => {
    const first = open();
    say(first, [FILES_FRAME.hello, hello()], [FILES_FRAME.difference, difference(1)], [FILES_FRAME.scan, scan(2, 5)]);
    const last = first.committed;
    const reasons = (...args: Parameters<typeof hello>): unknown[] => {
      const life = open(last);
      say(life, [FILES_FRAME.hello, hello(...args)]);
      return life.told('files.baseline-replaced').map(({ reason }) => reason);
    };
    assert.deepEqual(reasons({ next: 3, digestNumber: 2, digest: 5 }), []);
    assert.deepEqual(reasons({ next: 5, digestNumber: 4, digest: 6 }), [], 'that scan will come, it is not sealed yet');
    assert.deepEqual(reasons({ next: 3, digestNumber: 2, digest: 6 }), ['changed']);
    assert.deepEqual(reasons({ next: 2, digestNumber: 0 }), ['older']);
    assert.deepEqual(reasons({ baseline: 8n }), ['another']);
    const next = open(last);
    say(next, [FILES_FRAME.hello, hello({ baseline: 8n })], [FILES_FRAME.difference, difference(1)]);
    assert.equal(next.differences.length, 1, 'it counts from 1 again');
  });

  it('are refused when no reader sends such', () => {
    const cases: readonly (readonly [string, readonly (readonly [number, Buffer])[]])[] = [
      ['files.frame', [[FILES_FRAME.difference, difference(1)]]],
      ['files.frame', [[FILES_FRAME.hello, hello()], [FILES_FRAME.hello, hello()]]],
      ['files.frame', [[FILES_FRAME.hello, hello()], [99, Buffer.alloc(0)]]],
      ['files.frame', [[FILES_FRAME.hello, hello()], [FILES_FRAME.difference, difference(1, '/etc/a', 9)]]],
      ['files.frame', [[FILES_FRAME.hello, hello()], [FILES_FRAME.note, Buffer.alloc(2000)]]],
      ['bytes.truncated', [[FILES_FRAME.hello, hello()], [FILES_FRAME.difference, difference(1).subarray(0, -1)]]],
      ['bytes.trailing', [[FILES_FRAME.hello, hello()], [FILES_FRAME.scan, Buffer.concat([scan(1, 1), Buffer.alloc(1)])]]],
    ];
    for (const [code, frames] of cases) assert.throws(() => say(open(), ...frames), refused(code));
  });
});

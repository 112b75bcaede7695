// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import file from '../vectors/relp.json' with { type: 'json' };
import { RelpSession } from './relp-session.ts';
import { collect, inChunks } from './trial/collect.ts';
import { describe, expected, octets, type Vector } from './trial/vectors.ts';

const OPEN = Buffer.from('1 open 30 relp_version=1\ncommands=syslog\n');
const SINK = { records: () => assert.fail('no record was sent'), cut: () => assert.fail('no record was sent') };

function session(recordBytesMax?: number, opened = true): RelpSession {
  const relp = new RelpSession(recordBytesMax);
  if (opened) {
    relp.push(Buffer.from(OPEN), SINK);
    relp.takeOutput();
  }
  return relp;
}

for (const vector of file.cases as readonly Vector[]) {
  test(`relp: ${vector.name}`, () => {
    const stream = octets(vector.input);
    for (const size of stream.length > 1000 ? [stream.length, 1000] : [stream.length + 1, 1, 2, 3, 7, 64]) {
      const relp = session(vector.recordBytesMax, vector.opened ?? false);
      const outcome = collect(relp, inChunks(stream, size));
      assert.deepEqual(describe(outcome.found), expected(vector), `in chunks of ${size}`);
      assert.equal(outcome.end, vector.end, `in chunks of ${size}`);
      assert.equal(outcome.refused, vector.refused, `in chunks of ${size}`);
      const before = relp.takeOutput().toString('latin1');
      if (vector.outputBefore !== undefined) assert.equal(before, vector.outputBefore);
      relp.sealed(outcome.owed);
      if (vector.output !== undefined) assert.equal(before + relp.takeOutput().toString('latin1'), vector.output);
    }
  });
}

test('relp: each message is answered when it is sealed, not before', () => {
  const relp = session();
  let taken = 0;
  const sink = { records: (_: readonly Buffer[], lengths: Uint32Array) => { taken += lengths.length; }, cut: () => assert.fail() };
  relp.push(Buffer.from('2 syslog 1 a\n3 syslog 1 b\n4 syslog 1 c\n5 close 0\n'), sink);
  assert.equal(taken, 3);
  assert.equal(relp.takeOutput().length, 0);
  relp.sealed(2);
  assert.equal(relp.takeOutput().toString(), '2 rsp 6 200 OK\n3 rsp 6 200 OK\n');
  assert.equal(relp.done, false);
  relp.sealed(1);
  assert.equal(relp.takeOutput().toString(), '4 rsp 6 200 OK\n5 rsp 0\n');
  assert.equal(relp.done, true);
});

test('relp: more seals than messages are a bug', () => {
  assert.throws(() => session().sealed(1), { name: 'Bug', code: 'wire.relp.not-owed' });
});

test('relp: commands that wait are bounded', () => {
  const relp = session();
  const sink = { records: () => {}, cut: () => assert.fail() };
  relp.push(Buffer.from('2 syslog 1 a\n'), sink);
  const flood = Buffer.from(Array.from({ length: 9 }, (_, i) => `${i + 3} noise 0\n`).join(''));
  assert.throws(() => relp.push(flood, sink), { name: 'Refused', code: 'wire.relp.too-many-commands' });
});

const rsp = (transaction: number, data: string): string => `${transaction} rsp ${data.length} ${data}\n`;
const NOTE = 'test/log\n13\nAAAA\n\n— test/log BBBB\n';
const receipt = (id: string): string => `200 OK\nstrongroom test/log ${id} 13`;

test('relp: a client that offers the second kind gets the checkpoint of the commit with each, octet by octet', () => {
  const sink = { records: () => {}, cut: () => assert.fail() };
  const asked = new RelpSession(undefined, 'test/log');
  asked.push(Buffer.from('1 open 52 relp_version=1\ncommands=syslog\nstrongroom_receipts=2\n'), sink);
  assert.match(asked.takeOutput().toString(), /\nstrongroom_receipts=2\n$/);
  asked.push(Buffer.from('2 syslog 1 a\n3 syslog 1 b\n'), sink);
  asked.sealed(2, { entry: 12, record: 7, size: 13, checkpoint: NOTE });
  const answer = (transaction: number, id: string): string => {
    const data = `${receipt(id)}\n${NOTE}`;
    return `${transaction} rsp ${Buffer.byteLength(data)} ${data}\n`;
  };
  assert.equal(asked.takeOutput().toString(), answer(2, '12-7') + answer(3, '12-8'));
});

test('relp: a client that offers receipts hears where each message lies, and nobody else does', () => {
  const sink = { records: () => {}, cut: () => assert.fail() };
  const asked = new RelpSession(undefined, 'test/log');
  asked.push(Buffer.from('1 open 52 relp_version=1\ncommands=syslog\nstrongroom_receipts=1\n'), sink);
  assert.match(asked.takeOutput().toString(), /^1 rsp [0-9]+ 200 OK\n[^]*\nstrongroom_receipts=1\n$/);
  asked.push(Buffer.from('2 syslog 1 a\n3 syslog 1 b\n4 noise 0\n5 syslog 1 c\n6 syslog 1 d\n'), sink);
  asked.sealed(3, { entry: 12, record: 7, size: 13, checkpoint: NOTE });
  assert.equal(asked.takeOutput().toString(), rsp(2, receipt('12-7')) + rsp(3, receipt('12-8')) + rsp(4, '500 this server knows no command "noise"') + rsp(5, receipt('12-9')));
  asked.sealed(1);
  assert.equal(asked.takeOutput().toString(), '6 rsp 6 200 OK\n', 'where it lies may not be known');
  for (const [origin, offer] of [[null, 'strongroom_receipts=1'], ['test/log', 'strongroom_receipts=3'], ['test/log', 'other=1']] as const) {
    const other = new RelpSession(undefined, origin);
    const offers = `relp_version=1\ncommands=syslog\n${offer}`;
    other.push(Buffer.from(`1 open ${offers.length} ${offers}\n2 syslog 1 a\n`), sink);
    other.sealed(1, { entry: 1, record: 0, size: 2, checkpoint: NOTE });
    assert.doesNotMatch(other.takeOutput().toString(), /receipts|test\/log/);
  }
});

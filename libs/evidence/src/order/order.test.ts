// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { TestAuthority, approvedBy, makeCustodian, type TestCustodian } from '@strongroom/testing';
import vectors from '../../vectors/order.json' with { type: 'json' };
import { approve } from './approval.ts';
import { checkApproved, decodeOrderFile, encodeOrderFile, judgeApprovals, newOrderFile } from './approved-order.ts';
import { checkDestroyRanges, encodeEntry } from '../entry.ts';
import { rangesOf } from '../segment-ranges.ts';
import { segmentName } from '../segment.ts';
import { decodeOrder, encodeOrder, type DestroyOrder, type Order } from './order.ts';

const TIMES = new Set(['created', 'expires', 'from', 'to']);
const OCTETS = new Set(['root', 'authority', 'seenRoot']);

function orderOf(fields: Readonly<Record<string, unknown>>): Order {
  const values = Object.entries(fields).map(([name, value]) => [name, TIMES.has(name) ? BigInt(value as string) : OCTETS.has(name) ? Buffer.from(value as string, 'hex') : value]);
  return Object.fromEntries(values) as Order;
}

for (const { order, text } of vectors.orders) {
  test(`an order is written and read: ${order.kind}`, () => {
    assert.equal(encodeOrder(orderOf(order)), text);
    assert.deepEqual(decodeOrder(text), orderOf(order));
  });
}

for (const { name, code, text } of vectors.refused) {
  test(`an order is refused: ${name}`, () => {
    assert.throws(() => decodeOrder(text), { name: 'Refused', code });
  });
}

const { approved } = vectors;
const rules = { origin: approved.origin, authority: null };

test('a file with two approvals is read, written as it was, and approved', () => {
  const file = decodeOrderFile(Buffer.from(approved.text));
  assert.equal(encodeOrderFile(file).toString(), approved.text);
  assert.deepEqual(checkApproved(file, rules).map(({ id }) => id), approved.custodians);
});

for (const { name, code, text } of vectors.notApproved) {
  test(`an order is not approved: ${name}`, () => {
    assert.throws(() => checkApproved(decodeOrderFile(Buffer.from(text)), rules), { name: 'Refused', code });
  });
}

test('a file that was cut, lengthened or changed anywhere is no approved order', () => {
  const whole = Buffer.from(approved.text);
  for (let at = 0; at < whole.length; at += 37) {
    const changed = Buffer.from(whole);
    changed[at]! ^= 1;
    for (const bytes of [whole.subarray(0, at), changed, Buffer.concat([whole.subarray(0, at), Buffer.from('\n'), whole.subarray(at)])]) {
      assert.throws(() => checkApproved(decodeOrderFile(bytes), rules), { name: 'Refused' }, `at ${at}`);
    }
  }
});

/** `count` segments, of which every second one is held. */
function everySecond(count: number) {
  const all = Array.from({ length: count }, (_, i) => 0x10000 + i);
  const ranges = (left: number) => rangesOf(all.filter((number) => number % 2 === left).map(segmentName));
  return { all: rangesOf(all.map(segmentName)), going: ranges(0), held: ranges(1) };
}

test('an order that no entry of the log could tell of is not drawn up', () => {
  const order = orderOf(vectors.orders.find(({ order: { kind } }) => kind === 'destroy')!.order) as DestroyOrder;
  const { all, held } = everySecond(16_000);
  assert.throws(() => newOrderFile({ ...order, segments: all, held }), { name: 'Refused', code: 'order.too-long' });
  assert.doesNotThrow(() => newOrderFile({ ...order, segments: all, held: [] }));
});

test('whatever an order may name has room in an entry, all other lines at their longest', () => {
  let count = 16_000;
  const isTooLong = (): boolean => {
    try {
      return checkDestroyRanges(everySecond(count).going, everySecond(count).held) !== undefined;
    } catch {
      return true;
    }
  };
  while (isTooLong()) count -= 10;
  const { going, held } = everySecond(count);
  const [word, most] = ['k'.repeat(128), Number.MAX_SAFE_INTEGER];
  encodeEntry({
    kind: 'destroy', time: 2n ** 64n - 1n, class: word, bucket: word, keys: Array.from({ length: 64 }, () => word), segments: going, held, batches: most, records: most, bytes: most,
    order: 'f'.repeat(32), approvals: Buffer.alloc(32),
  });
});

describe('an approval counts', () => {
  let authority: TestAuthority;
  let [anna, bert]: TestCustodian[] = [];
  let order: Order;
  before(async () => {
    authority = await TestAuthority.make();
    [anna, bert] = [await makeCustodian(authority, 'd', 'anna'), await makeCustodian(authority, 'd', 'bert')];
    const created = BigInt(Date.now()) * 1_000_000n;
    order = { ...orderOf(vectors.orders[1]!.order), origin: 'd/log', created, expires: created + 10_000_000_000n, authority: new X509Certificate(authority.certificatePem).raw };
  });
  const rulesHere = (more: object = {}) => ({ origin: 'd/log', authority: order.authority, ...more });

  test('for the authority that is known here alone', () => {
    const file = approvedBy(newOrderFile(order), anna!, bert!);
    assert.equal(checkApproved(file, rulesHere()).length, 2);
    assert.throws(() => checkApproved(file, rulesHere({ authority: Buffer.from('another') })), { code: 'order.authority' });
    assert.throws(() => checkApproved(file, rulesHere({ origin: 'other/log' })), { code: 'order.origin' });
    assert.throws(() => checkApproved(approvedBy(newOrderFile({ ...order, authority: anna!.certificate.raw }), anna!, bert!), { origin: 'd/log', authority: null }), { code: 'order.authority' });
  });

  test('before the order expires, and the order is carried out before it does', () => {
    const file = approvedBy(newOrderFile(order), anna!, bert!);
    assert.equal(checkApproved(file, rulesHere({ now: order.expires })).length, 2);
    assert.throws(() => checkApproved(file, rulesHere({ now: order.expires + 1n })), { code: 'order.expired' });
    const late = { ...file, approvals: [file.approvals[0]!, approve(file.text, bert!.certificate, bert!.key, order.expires + 1n)] };
    assert.throws(() => checkApproved(late, rulesHere()), { code: 'order.approvals' });
    assert.equal(judgeApprovals(late, rulesHere())[1]!.refusal?.code, 'approval.expired');
  });

  test('from two names with two keys', async () => {
    const { publicKey } = bert!.certificate;
    const twin = await makeCustodian(authority, 'd', 'bertram');
    assert.ok(!twin.certificate.publicKey.equals(publicKey));
    assert.equal(checkApproved(approvedBy(newOrderFile(order), bert!, twin), rulesHere()).length, 2);
    const again = await makeCustodian(authority, 'd', 'bert');
    assert.throws(() => checkApproved(approvedBy(newOrderFile(order), bert!, again), rulesHere()), { code: 'order.approvals' });
    const alias = await makeCustodian(authority, 'd', 'robert', { privateKey: bert!.key });
    assert.throws(() => checkApproved(approvedBy(newOrderFile(order), bert!, alias), rulesHere()), { code: 'order.approvals' });
  });

  test('from whom the registry lets', () => {
    const file = approvedBy(newOrderFile(order), anna!, bert!);
    assert.throws(() => checkApproved(file, rulesHere({ mayApprove: ({ name }: { name: string }) => name !== 'bert' })), { code: 'order.approvals' });
  });

  test('from a custodian\'s certificate that is valid, and the key of it', async () => {
    const reader = await makeCustodian(authority, 'd', 'carl', { uris: ['spiffe://d/reader/carl'] });
    assert.throws(() => approvedBy(newOrderFile(order), reader), { code: 'approval.custodian' });
    const old = await makeCustodian(authority, 'd', 'dora', { fromDays: -10, toDays: -5 });
    assert.equal(judgeApprovals(approvedBy(newOrderFile(order), old), rulesHere())[0]!.refusal?.code, 'approval.certificate');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    assert.throws(() => approvedBy(newOrderFile(order), { ...anna!, key: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })) }), { code: 'approval.key' });
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, test } from 'node:test';
import { encodeOrderFile, newOrderFile, rangesOf, type DestroyOrder } from '@strongroom/evidence';
import { EMPTY_REGISTRY, type Enrolment, type Registry } from '@strongroom/service';
import { TestAuthority, approvedBy, makeCustodian, type TestCustodian } from '@strongroom/testing';
import { isCondemned, type CondemnedFacts } from './condemned.ts';

const [FIRST, HELD, OTHER] = ['0000000000000001', '0000000000000002', '0000000000000003'] as const;
let authority: TestAuthority;
let custodians: TestCustodian[];
let directory: string;
let facts: CondemnedFacts;
before(async () => {
  authority = await TestAuthority.make();
  custodians = [await makeCustodian(authority, 'd', 'anna'), await makeCustodian(authority, 'd', 'bert')];
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'strongroom-condemned-'));
  const paths = { orders: join(directory, 'orders'), ca: join(directory, 'ca.pem') };
  mkdirSync(paths.orders);
  writeFileSync(paths.ca, authority.certificatePem);
  facts = { paths, origin: 'd/log', registry: registryOf(Object.fromEntries(custodians.map(({ name, enrolment }) => [name, enrolment]))) };
});
afterEach(() => rmSync(directory, { recursive: true }));

function registryOf(entries: Record<string, Enrolment>): Registry {
  return { ...EMPTY_REGISTRY, custodians: entries };
}

function keepOrder(more: Partial<DestroyOrder> = {}, by: readonly TestCustodian[] = custodians): void {
  const created = BigInt(Date.now()) * 1_000_000n;
  const order: DestroyOrder = {
    kind: 'destroy', id: 'ab'.repeat(16), origin: 'd/log', size: 10, root: Buffer.alloc(32), created, expires: created + 10_000_000_000n,
    class: 'default', bucket: '2027-01', keys: ['default/2027-01/0011223344556677'], segments: rangesOf([FIRST, HELD]), held: rangesOf([HELD]),
    records: 1, bytes: 1, from: 0n, to: 0n, reason: 'a test', authority: new X509Certificate(authority.certificatePem).raw, ...more,
  };
  writeFileSync(join(facts.paths.orders, `${order.id}.order`), encodeOrderFile(approvedBy(newOrderFile(order), ...by)));
}

test('a segment that an order of two custodians names is condemned; one that it says is held, and any other, is not', () => {
  keepOrder();
  assert.deepEqual([FIRST, HELD, OTHER].map((segment) => isCondemned(facts, segment)), [true, false, false]);
  assert.equal(isCondemned({ ...facts, origin: 'd/log-2' }, FIRST), false, 'an order about another log');
});

test('of very many files only the newest are read', () => {
  keepOrder();
  for (let i = 0; i < 300; i += 1) writeFileSync(join(facts.paths.orders, `${i}.order`), 'none');
  const own = join(facts.paths.orders, `${'ab'.repeat(16)}.order`);
  utimesSync(own, 1, 1);
  assert.equal(isCondemned(facts, FIRST), false);
  utimesSync(own, 4e9, 4e9);
  assert.equal(isCondemned(facts, FIRST), true);
});

test('one custodian alone condemns nothing, and neither does one who is revoked or not enrolled', () => {
  keepOrder();
  const [anna, bert] = custodians as [TestCustodian, TestCustodian];
  for (const registry of [registryOf({ anna: anna.enrolment }), registryOf({ anna: anna.enrolment, bert: { ...bert.enrolment, revokedAt: '2026-01-01T00:00:00Z' } })]) {
    assert.equal(isCondemned({ ...facts, registry }, FIRST), false);
  }
  keepOrder({}, [anna]);
  assert.equal(isCondemned(facts, FIRST), false);
});

test('what a captured vault puts beside an order holds nothing up and hides no order', () => {
  keepOrder();
  const at = (name: string): string => join(facts.paths.orders, `${name}.order`);
  execFileSync('mkfifo', [at('pipe')]);
  symlinkSync('/dev/zero', at('endless'));
  symlinkSync(join(directory, 'absent'), at('dangling'));
  mkdirSync(at('directory'));
  writeFileSync(at('text'), 'no order');
  writeFileSync(at('large'), Buffer.alloc(300_000));
  assert.deepEqual([isCondemned(facts, FIRST), isCondemned(facts, OTHER)], [true, false]);
});

test('an order is no link to another place', () => {
  keepOrder();
  const outside = join(directory, 'outside');
  mkdirSync(outside);
  facts = { ...facts, paths: { ...facts.paths, orders: outside } };
  symlinkSync(join(directory, 'orders', `${'ab'.repeat(16)}.order`), join(outside, `${'ab'.repeat(16)}.order`));
  assert.equal(isCondemned(facts, FIRST), false);
});

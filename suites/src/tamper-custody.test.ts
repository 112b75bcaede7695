// SPDX-License-Identifier: Apache-2.0
// A store with everything beside its log and segments that verification believes: orders of custodians, changes of the
// log's key, timestamps. Every octet of those counts, and none may stand in another's place.
import assert from 'node:assert/strict';
import { X509Certificate, hash } from 'node:crypto';
import { before, test } from 'node:test';
import {
  encodeEntry, encodeOrderFile, newOrderFile, parseChecksums, parseVkey, rangesOf, timestampTrust, verifyStore,
  type OrderFile, type Verdict, type VerifyOptions,
} from '@strongroom/evidence';
import {
  BuiltStream, StoreBuilder, TestAuthority, approvedBy, makeCustodian, makeResponse, memoryStore, stampingIdentity, syslogMessage, type TestCustodian,
} from '@strongroom/testing';
import { flip, put, remove, swap, tampered, truncate, type Files, type Tampering } from './tampered-files.ts';

const ORIGIN = 'strongroom.test/log';
const ID = '00112233445566778899aabbccddeeff';
const GONE = '0000000000000001';
const ORDER = `orders/${ID}.order`;
const NAMED = { class: 'default', bucket: '2027-11', keys: ['default/2027-11/00112233445566ee'], segments: rangesOf([GONE]), held: [] };
const HOUR_NS = 3_600_000_000_000n;
/** So many octets of each file are changed, each by itself. */
const FLIPS = 60;
const root = stampingIdentity({ commonName: 'Root', authority: true });
const signer = stampingIdentity({ commonName: 'Stamper', issuer: root });

interface Subject {
  readonly files: Files;
  readonly options: VerifyOptions;
  /** The order by which the first segment went, signed by these. */
  readonly order: OrderFile;
  readonly custodians: readonly TestCustodian[];
}

let subject: Subject;
before(async () => { subject = await built(); });

/** Two segments, of which the first was destroyed; the key changed twice; two checkpoints are stamped. */
async function built(): Promise<Subject> {
  const authority = await TestAuthority.make();
  const ca = new X509Certificate(authority.certificatePem).raw;
  const custodians = [await makeCustodian(authority, 'strongroom.test', 'anna'), await makeCustodian(authority, 'strongroom.test', 'bert')];
  const builder = new StoreBuilder({ origin: ORIGIN });
  const stream = new BuiltStream(builder);
  for (let i = 0; i < 2; i += 1) builder.batch([stream.run([syslogMessage(i)])]).closeSegment();
  const first = builder.build();
  const order = destroy(builder, ca, custodians);
  const second = builder.build();
  builder.rotate().heartbeat().rotate().heartbeat();
  const store = builder.build();
  const files = new Map(store.files);
  files.delete(`segments/${GONE}.seg`);
  for (const { size, checkpoint } of [first, second]) {
    const stamped = Buffer.from(checkpoint);
    files.set(`timestamps/${size}.checkpoint`, stamped).set(`timestamps/${size}.tsr`, makeResponse({ signer, stamped, time: `2026030100000${size}Z` }));
  }
  const dataKey = (segment: string): Buffer | null => (segment === GONE ? null : store.dataKeys.get(segment)!);
  const options = { key: parseVkey(first.vkey), dataKey, authority: ca, checksums: parseChecksums(store.checksums), remembered: [store.checkpoint], trust: timestampTrust([root.certificate]) };
  return { files, options, order, custodians };
}

function destroy(builder: StoreBuilder, authority: Buffer, custodians: readonly TestCustodian[]): OrderFile {
  const { size, checkpoint } = builder.build();
  const created = BigInt(Date.now()) * 1_000_000n;
  const counted = { records: 1, bytes: syslogMessage(0).length };
  const file = approvedBy(newOrderFile({
    kind: 'destroy', id: ID, origin: ORIGIN, size, root: Buffer.from(checkpoint.split('\n')[2]!, 'base64'), created, expires: created + HOUR_NS, authority, reason: 'a test',
    ...NAMED, ...counted, from: 0n, to: 0n,
  }), ...custodians);
  const encoded = encodeOrderFile(file);
  builder.files.set(ORDER, encoded);
  builder.entryBytes(encodeEntry({ kind: 'destroy', time: created + 5_000_000_000n, ...NAMED, ...counted, batches: 1, order: ID, approvals: hash('sha256', encoded, 'buffer') }));
  builder.entryBytes(encodeEntry({ kind: 'destroyed', time: created + 6_000_000_000n, order: ID, keys: NAMED.keys, files: 1, copies: ['snapshots'] }));
  return file;
}

function verdictOn(apply: Tampering['apply']): Verdict {
  return verifyStore(memoryStore(tampered(subject.files, { apply })), subject.options);
}

/** The files that this is about. */
function paths(): string[] {
  return [...subject.files.keys()].filter((path) => /^(orders|rotations|timestamps)\//.test(path)).toSorted();
}

test('the store is valid before anybody touches it', () => {
  const verdict = verdictOn(() => undefined);
  assert.deepEqual(verdict.failures, []);
  assert.deepEqual([verdict.destroyedSegments, verdict.timestamps.valid, paths().length], [1, 2, 7]);
});

test('each octet counts: what an authority did not sign of its token may differ, and then nothing is concluded from it', () => {
  const untouched = verdictOn(() => undefined);
  for (const path of paths()) {
    const { length } = subject.files.get(path)!;
    for (let at = 0; at < length; at += Math.max(1, Math.floor(length / FLIPS))) {
      const verdict = verdictOn(flip(path, at, at % 8));
      if (path.endsWith('.tsr') && verdict.ok) assert.deepEqual(verdict, untouched, `octet ${at} of ${path}`);
      else assert.equal(verdict.ok, false, `octet ${at} of ${path}`);
    }
  }
});

test('none may be missing or cut, but a token: that proves less, and the verdict counts it no more', () => {
  for (const path of paths()) {
    const removed = verdictOn(remove(path));
    if (path.endsWith('.tsr')) assert.deepEqual([removed.ok, removed.timestamps.valid], [true, 1], `${path} removed`);
    else assert.equal(removed.ok, false, `${path} removed`);
    assert.equal(verdictOn(truncate(path, subject.files.get(path)!.length - 1)).ok, false, `${path} cut`);
  }
});

test('none stands in another\'s place', () => {
  const rotations = paths().filter((path) => path.startsWith('rotations/')) as [string, string];
  const tokens = paths().filter((path) => path.endsWith('.tsr')) as [string, string];
  const checkpoints = paths().filter((path) => path.endsWith('.checkpoint')) as [string, string];
  for (const [a, b] of [rotations, tokens, checkpoints]) assert.equal(verdictOn(swap(a, b)).ok, false, `${a} and ${b}`);
  const both: Tampering['apply'] = (files) => { swap(...tokens)(files); swap(...checkpoints)(files); };
  assert.equal(verdictOn(both).ok, false, 'a token and its checkpoint under another size');
});

test('no other order takes the place of the one that the log names', async () => {
  const { order: { order }, custodians: [anna, bert] } = subject;
  const again = newOrderFile(order);
  const strangers = await TestAuthority.make();
  const stranger = await makeCustodian(strangers, 'strongroom.test', 'bert');
  const others: readonly (readonly [string, OrderFile])[] = [
    ['for another reason', approvedBy(newOrderFile({ ...order, reason: 'another test' } as typeof order), anna!, bert!)],
    ['of more', approvedBy(newOrderFile({ ...order, segments: rangesOf([GONE, '0000000000000002']) } as typeof order), anna!, bert!)],
    ['approved by one', approvedBy(again, anna!)], ['approved by one twice', approvedBy(again, anna!, anna!)], ['approved by nobody', again],
    ['approved by a custodian of others', approvedBy(again, anna!, stranger)], ['approved anew by the same', approvedBy(again, bert!, anna!)],
  ];
  for (const [what, other] of others) assert.equal(verdictOn(put(ORDER, encodeOrderFile(other))).ok, false, what);
});

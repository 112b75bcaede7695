// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate, hash } from 'node:crypto';
import { describe, test } from 'node:test';
import { BuiltStream, StoreBuilder, TestAuthority, approvedBy, makeCustody, memoryStore, syslogMessage, type BuiltStore, type TestCustodian } from '@strongroom/testing';
import { encodeEntry, type DestroyEntry } from '../entry.ts';
import { parseChecksums } from './checksums.ts';
import { encodeOrderFile, newOrderFile, type DestroyOrder } from '../order/index.ts';
import { rangesOf } from '../segment-ranges.ts';
import { verifyStore } from './verify.ts';
import type { Verdict } from './verdict.ts';

const ID = '00112233445566778899aabbccddeeff';
const [FIRST, SECOND] = ['0000000000000001', '0000000000000002'];
const KEY = 'default/2027-11/00112233445566ee';

const { ca, anna, bert } = await makeCustody('strongroom.test');

interface Wishes {
  readonly order?: Partial<DestroyOrder>;
  readonly entry?: Partial<DestroyEntry>;
  readonly by?: readonly TestCustodian[];
  /** The log's root at the order's size; its own when not given. */
  readonly root?: Buffer;
  readonly after?: (builder: StoreBuilder, stream: BuiltStream) => unknown;
  readonly isDone?: boolean;
}

/** Two segments of three and one records, of which the first is destroyed; its file is gone. */
function destroyedStore({ order = {}, entry = {}, by = [anna, bert], root, after = () => undefined, isDone = true }: Wishes = {}): BuiltStore {
  const builder = new StoreBuilder({ origin: 'strongroom.test/log' });
  const stream = new BuiltStream(builder);
  builder.batch([stream.run([syslogMessage(1), syslogMessage(2)])]).batch([stream.run([syslogMessage(3)])]).closeSegment();
  builder.batch([stream.run([syslogMessage(4)])]).closeSegment();
  const { size, records, rootHash } = headOf(builder.build());
  const created = BigInt(Date.now()) * 1_000_000n;
  const segments = rangesOf([FIRST]);
  const file = approvedBy(newOrderFile({
    kind: 'destroy', id: ID, origin: 'strongroom.test/log', size, root: root ?? rootHash, created, expires: created + 3_600_000_000_000n, authority: ca, reason: 'a test',
    class: 'default', bucket: '2027-11', keys: [KEY], segments, held: [], records, bytes: 0, from: 0n, to: 0n, ...order,
  }), ...by);
  const bytes = encodeOrderFile(file);
  builder.files.set(`orders/${ID}.order`, bytes);
  builder.entryBytes(encodeEntry({
    kind: 'destroy', time: created + 5_000_000_000n, class: 'default', bucket: '2027-11', keys: [KEY], segments, held: [], batches: 2, records: 3,
    bytes: [1, 2, 3].reduce((sum, i) => sum + syslogMessage(i).length, 0), order: ID, approvals: hash('sha256', bytes, 'buffer'), ...entry,
  }));
  if (isDone) builder.entryBytes(encodeEntry({ kind: 'destroyed', time: created + 6_000_000_000n, order: ID, keys: [KEY], files: 2, copies: ['snapshots'] }));
  after(builder, stream);
  const built = builder.build();
  built.files.delete(`segments/${FIRST}.seg`);
  return built;
}

function headOf({ size, records, checkpoint }: BuiltStore) {
  return { size, records, rootHash: Buffer.from(checkpoint.split('\n')[2]!, 'base64') };
}

function verify(store: BuiltStore, options: { authority?: Buffer } = { authority: ca }): Verdict {
  const dataKey = (segment: string): Buffer | null => (segment === FIRST ? null : store.dataKeys.get(segment)!);
  return verifyStore(memoryStore(store.files), { key: store.key, dataKey, checksums: parseChecksums(store.checksums), ...options });
}

const codes = ({ failures }: Verdict): string[] => [...new Set(failures.map(({ code }) => code))].toSorted();

describe('a store of which something was destroyed', () => {
  test('is valid, and says how much is gone', () => {
    const verdict = verify(destroyedStore());
    assert.deepEqual(verdict.failures, []);
    assert.deepEqual([verdict.ok, verdict.records, verdict.segments, verdict.destroyedSegments, verdict.destroyedRecords], [true, 4, 2, 1, 3]);
    assert.deepEqual(verdict.facts, []);
    assert.ok(verify(destroyedStore(), {}).ok, 'without the CA the order\'s own word is taken');
  });

  test('says that a destruction is under way, and what is still there though it was destroyed', () => {
    assert.deepEqual(verify(destroyedStore({ isDone: false })).facts.map(({ code }) => code), ['destroy.under-way']);
    const store = destroyedStore();
    const whole = new Map([...store.files, [`segments/${FIRST}.seg`, Buffer.from('leftover')]]);
    const { facts } = verifyStore(memoryStore(whole), { key: store.key });
    assert.ok(facts.some(({ code }) => code === 'segment.remains'));
  });

  const refused: readonly (readonly [string, string[], () => BuiltStore])[] = [
    ['no entry says that it was destroyed', ['segment.missing'], () => { const store = destroyedStore({ entry: { segments: [], held: rangesOf([FIRST!]), batches: 0, records: 0, bytes: 0 } }); return store; }],
    ['the order is gone', ['destroy.order', 'segment.missing'], () => { const store = destroyedStore(); store.files.delete(`orders/${ID}.order`); return store; }],
    ['the order was changed', ['destroy.order', 'segment.missing'], () => { const store = destroyedStore(); store.files.set(`orders/${ID}.order`, Buffer.concat([store.files.get(`orders/${ID}.order`)!, Buffer.from('\n')])); return store; }],
    ['one custodian approved', ['destroy.order', 'segment.missing'], () => destroyedStore({ by: [anna] })],
    ['one custodian approved twice', ['destroy.order', 'segment.missing'], () => destroyedStore({ by: [anna, anna] })],
    ['the order had expired', ['destroy.order', 'segment.missing'], () => destroyedStore({ order: { expires: 1n } })],
    ['the order is about other keys', ['destroy.order', 'segment.missing'], () => destroyedStore({ order: { keys: ['default/2027-11/00112233445566ff'] } })],
    ['the order names another segment', ['destroy.order', 'segment.missing'], () => destroyedStore({ order: { segments: rangesOf([SECOND!]) } })],
    ['the order was drawn up against another log', ['destroy.order'], () => destroyedStore({ root: Buffer.alloc(32) })],
    ['the segment is of another bucket', ['destroy.segments', 'segment.missing'], () => {
      const other = { bucket: '2027-12', keys: ['default/2027-12/00112233445566ee'] };
      return destroyedStore({ order: other, entry: other });
    }],
    ['a segment that is not in the log', ['destroy.segments', 'segment.missing'], () => destroyedStore({ order: { segments: [{ first: 1, last: 3 }] }, entry: { segments: [{ first: 1, last: 1 }, { first: 3, last: 3 }] } })],
    ['more segments than there are', ['destroy.segments', 'segment.missing'], () => destroyedStore({ entry: { segments: [{ first: 1, last: 2 ** 50 }] }, order: { segments: [{ first: 1, last: 2 ** 50 }] } })],
    ['other sums', ['destroy.segments', 'segment.missing'], () => destroyedStore({ entry: { records: 4 } })],
    ['carried out twice', ['destroy.order', 'destroy.segments'], () => destroyedStore({ after: (builder) => builder.entryBytes(encodeEntry({ kind: 'destroy', time: 1n, class: 'default', bucket: '2027-11', keys: [KEY], segments: rangesOf([FIRST!]), held: [], batches: 2, records: 3, bytes: 0, order: ID, approvals: Buffer.alloc(32) })) })],
    ['ended twice', ['destroy.order'], () => destroyedStore({ after: (builder) => builder.repeatLast() })],
    ['a batch after it', ['segment.closed', 'segment.destroyed'], () => destroyedStore({ after: (builder, stream) => builder.batch([stream.run(['x'])], { segment: FIRST! }) })],
  ];
  for (const [name, expected, store] of refused) {
    test(`is not valid: ${name}`, () => {
      assert.deepEqual(codes(verify(store())), expected);
    });
  }

  test('is not valid for who knows another CA', async () => {
    const other = new X509Certificate((await TestAuthority.make()).certificatePem).raw;
    assert.deepEqual(codes(verify(destroyedStore(), { authority: other })), ['destroy.order', 'segment.missing']);
  });

  test('is not valid when more is missing than was destroyed', () => {
    const store = destroyedStore();
    store.files.delete(`segments/${SECOND}.seg`);
    assert.deepEqual(codes(verify(store)), ['segment.missing']);
  });
});

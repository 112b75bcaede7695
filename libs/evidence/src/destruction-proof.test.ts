// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate, hash } from 'node:crypto';
import { before, test } from 'node:test';
import { BuiltStream, StoreBuilder, TestAuthority, approvedBy, makeCustodian, syslogMessage, type BuiltStore } from '@strongroom/testing';
import { DESTRUCTION_PROOF_FORMAT, verifyDestructionProof, type DestructionProof, type LoggedEntry } from './destruction-proof.ts';
import { encodeEntry } from './entry.ts';
import { inclusionPath, leafHash } from './merkle.ts';
import { encodeOrderFile, newOrderFile } from './order/index.ts';
import { rangesOf } from './segment-ranges.ts';
import { bundlePath, decodeBundle } from './tiles.ts';

const ID = '00112233445566778899aabbccddeeff';
const KEY = 'default/2027-11/00112233445566ee';
let store: BuiltStore;
let ca: Buffer;
let proof: DestructionProof;

/** Entries: a batch and its close, another segment's batch, destroy, destroyed. */
before(async () => {
  const authority = await TestAuthority.make();
  ca = new X509Certificate(authority.certificatePem).raw;
  const custodians = await Promise.all(['anna', 'bert'].map((name) => makeCustodian(authority, 'strongroom.test', name)));
  const builder = new StoreBuilder({ origin: 'strongroom.test/log' });
  const stream = new BuiltStream(builder);
  builder.batch([stream.run([syslogMessage(1), syslogMessage(2)])]).closeSegment().batch([stream.run([syslogMessage(3)])]);
  const created = BigInt(Date.now()) * 1_000_000n;
  const segments = rangesOf(['0000000000000001']);
  const order = encodeOrderFile(approvedBy(newOrderFile({
    kind: 'destroy', id: ID, origin: 'strongroom.test/log', size: 3, root: Buffer.alloc(32), created, expires: created + 3_600_000_000_000n, authority: ca, reason: 'a test',
    class: 'default', bucket: '2027-11', keys: [KEY], segments, held: [], records: 2, bytes: 0, from: 0n, to: 0n,
  }), ...custodians));
  builder.entryBytes(encodeEntry({ kind: 'destroy', time: created + 5_000_000_000n, class: 'default', bucket: '2027-11', keys: [KEY], segments, held: [], batches: 1, records: 2, bytes: 2, order: ID, approvals: hash('sha256', order, 'buffer') }));
  builder.entryBytes(encodeEntry({ kind: 'destroyed', time: created + 6_000_000_000n, order: ID, keys: [KEY], files: 1, copies: ['snapshots'] }));
  store = builder.build();
  proof = { format: DESTRUCTION_PROOF_FORMAT, id: '0-1', checkpoint: store.checkpoint, entry: logged(0), destroy: logged(3), destroyed: logged(4), order: order.toString('base64') };
});

function logged(index: number): LoggedEntry {
  const entries = decodeBundle(store.files.get(`log/${bundlePath(0, store.size)}`)!, store.size);
  const path = inclusionPath(Buffer.concat(entries.map(leafHash)), index);
  return { index, bytes: entries[index]!.toString('base64'), path: path.map((one) => one.toString('base64')) };
}

test('a proof shows what was here and by whose order it is gone', () => {
  const { entry, destroy, destroyed, order, custodians } = verifyDestructionProof(proof, store.key, ca);
  assert.deepEqual([entry.records, destroy.records, destroyed?.copies, order.reason], [2, 2, ['snapshots'], 'a test']);
  assert.deepEqual(custodians.map(({ name }) => name), ['anna', 'bert']);
  assert.equal(verifyDestructionProof({ ...proof, destroyed: null }, store.key, null).destroyed, null, 'under way');
});

const REFUSED: readonly (readonly [string, string, () => Partial<DestructionProof>])[] = [
  ['another format', 'proof.malformed', () => ({ format: 'strongroom proof v1' as never })],
  ['a record that the batch had not', 'proof.malformed', () => ({ id: '0-2' })],
  ['an id of another entry', 'proof.malformed', () => ({ id: '2-0' })],
  ['a batch of a segment that stayed', 'proof.destruction', () => ({ id: '2-0', entry: logged(2) })],
  ['a batch in the place of the destruction', 'proof.malformed', () => ({ destroy: logged(2) })],
  ['a destruction in the place of its end', 'proof.malformed', () => ({ destroyed: logged(3) })],
  ['a path of another entry', 'merkle.inclusion', () => ({ destroy: { ...logged(3), path: logged(2).path } })],
  ['an order that was changed', 'proof.destruction', () => ({ order: Buffer.from(`${Buffer.from(proof.order, 'base64').toString()}\n`).toString('base64') })],
  ['no order', 'proof.malformed', () => ({ order: null as never })],
  ['a field of another type', 'proof.malformed', () => ({ entry: { ...logged(0), index: -1 } })],
  ['rotations that are no texts', 'proof.malformed', () => ({ rotations: [1] as never })],
];
for (const [name, code, lie] of REFUSED) {
  test(`a proof is refused: ${name}`, () => {
    assert.throws(() => verifyDestructionProof({ ...proof, ...lie() }, store.key, ca), { name: 'Refused', code });
  });
}

test('for who knows another CA it proves nothing', async () => {
  const other = new X509Certificate((await TestAuthority.make()).certificatePem).raw;
  assert.throws(() => verifyDestructionProof(proof, store.key, other), { code: 'order.authority' });
});

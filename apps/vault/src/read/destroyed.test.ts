// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { decodeOrderFile, encodeOrderFile, newOrderFile, rangesOf, type DestroyOrder } from '@strongroom/evidence';
import { LogDirectory } from '../commit/log-directory.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { Bench } from '../simulation/custody-bench.ts';
import { PublishedLog } from '../upkeep/published-log.ts';
import { Destroyed } from './destroyed.ts';
import { SegmentParts } from './parts.ts';

it('a segment that is missing was destroyed by an order that the log says was carried out on it, and by no other file', async () => {
  await using bench = await Bench.open();
  const { custody, home } = bench;
  const [gone, lost] = [await bench.seal('secret.1'), await bench.seal('other.1')];
  const { hold } = await custody.place({ by: 'spiffe://test.example/reader/operator', reference: 'CASE-12', reason: 'a letter', query: { text: 'other' } });
  const file = bench.approved(await custody.drawDestroy((await custody.buckets())[0]!.name, 'an erasure request'));
  await custody.submit(encodeOrderFile(file));
  await custody.buckets();
  assert.deepEqual([bench.tools.state.destroying.size, custody.holds.list().map((one) => one.hold)], [0, [hold]]);

  const [orders, segments] = [join(home, 'orders'), join(home, 'segments')];
  for (const name of [`${lost}.seg`]) rmSync(join(segments, name));
  const { order } = file as { order: DestroyOrder };
  const look = (): Destroyed => new Destroyed(new SegmentParts(segments), orders, () => new PublishedLog(new LogDirectory(SYSTEM_DISK, join(home, 'log'))));
  assert.deepEqual([look().by(gone)?.id, look().by(lost)], [order.id, null], 'the order names it, and it was held');

  mkdirSync(orders, { recursive: true });
  const forged = newOrderFile({ ...order, id: '0'.repeat(32), size: 0, segments: rangesOf([gone, lost]), held: [] });
  writeFileSync(join(orders, `${forged.order.id}.order`), encodeOrderFile(forged));
  assert.equal(look().by(lost), null, 'an order that was not carried out');
  writeFileSync(join(orders, `${order.id}.order`), encodeOrderFile({ ...decodeOrderFile(encodeOrderFile(newOrderFile({ ...order, held: [], size: 0 }))), approvals: file.approvals }));
  assert.equal(look().by(lost), null, 'a file under the id of one that was');
  assert.equal(look().by(gone), null);
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { encodeOrderFile, rangesOf, segmentName, type DestroyEntry } from '@strongroom/evidence';
import { Bench, away } from '../simulation/custody-bench.ts';
import { finishDestroy } from './destruction.ts';
import { SegmentKeys } from '../commit/segment-keys.ts';

it('what an order says stays is not destroyed by it when its hold has ended since', async () => {
  await using bench = await Bench.open();
  const { custody, said } = bench;
  const [kept, other] = [await bench.seal('secret.1'), await bench.seal('other.1')];
  const { hold } = await custody.place({ by: 'spiffe://test.example/reader/operator', reference: 'CASE-12', reason: 'a letter', query: { text: 'secret' } });
  const { name } = (await custody.buckets())[0]!;
  const order = await custody.drawDestroy(name, 'an erasure request');
  await custody.submit(encodeOrderFile(bench.approved(await custody.drawRelease(hold, 'closed'))));
  await custody.submit(encodeOrderFile(bench.approved(order)));
  await custody.buckets();
  assert.deepEqual([...new Set(said.filter(({ event }) => event === 'vault.custody-failed').map(({ fields }) => fields['code']))], ['order.stale']);
  assert.deepEqual([await bench.opens(kept), await bench.opens(other)], [true, true]);
});

it('a destruction lists each directory a few times, however many segments it is of', async () => {
  await using bench = await Bench.open();
  const { custody, keys, tools, home } = bench;
  const segments: string[] = [];
  for (let i = 0; i < 6; i += 1) segments.push(await bench.seal(`record.${i}`));
  keys.fails.destroy = away();
  await custody.submit(encodeOrderFile(bench.approved(await custody.drawDestroy((await custody.buckets())[0]!.name, 'an erasure request'))));
  await custody.buckets();
  delete keys.fails.destroy;
  const listings = new Map<string, number>();
  const { disk } = tools.world;
  const counted = new Proxy(disk, {
    get: (target, name) => {
      const call = Reflect.get(target, name) as (path: string) => unknown;
      if (name !== 'readdirSync') return call;
      return (path: string, ...more: unknown[]) => {
        listings.set(path, (listings.get(path) ?? 0) + 1);
        return Reflect.apply(call, target, [path, ...more]) as unknown;
      };
    },
  });
  const watched = { ...tools, world: { ...tools.world, disk: counted }, wraps: new SegmentKeys(counted, join(home, 'keys'), tools.origin) };
  await finishDestroy(watched, [...tools.state.destroying.values()][0]!);
  assert.ok(listings.size >= 2 && [...listings.values()].every((count) => count <= 2), [...listings.values()].join(' '));
  assert.deepEqual(await Promise.all(segments.map(async (segment) => bench.opens(segment))), segments.map(() => false));
});

it('of what lies under its keys an order takes what it names, and what never held anything; more than that is no order', async () => {
  await using bench = await Bench.open();
  const { custody, tools, keys, home } = bench;
  const segments = [await bench.seal('first'), await bench.seal('second')];
  const file = bench.approved(await custody.drawDestroy((await custody.buckets())[0]!.name, 'an erasure request'));
  const { order } = file;
  assert.ok(order.kind === 'destroy');
  // As a crash before its first commit leaves it.
  const unused = segmentName(900);
  writeFileSync(join(home, 'keys', `${unused}.key`), readFileSync(join(home, 'keys', `${segments[0]}.key`)));
  writeFileSync(join(home, 'segments', `${unused}.seg`), 'header');
  const approvals = await tools.orders.keep(file);
  await keys.beginOrder(encodeOrderFile(file));
  const entry: DestroyEntry = { kind: 'destroy', time: keys.nowNs(), class: order.class, bucket: order.bucket, keys: order.keys, segments: rangesOf([segments[0]!]), held: [], batches: 1, records: 1, bytes: 1, order: order.id, approvals };
  await assert.rejects(finishDestroy(tools, entry), { name: 'Bug', code: 'custody.more-than-named' });
  assert.deepEqual([await bench.opens(segments[0]!), await bench.opens(segments[1]!), existsSync(join(home, 'segments', `${unused}.seg`))], [true, true, true]);
  await finishDestroy(tools, { ...entry, segments: rangesOf(segments) });
  assert.deepEqual([await bench.opens(segments[0]!), await bench.opens(segments[1]!), existsSync(join(home, 'segments', `${unused}.seg`))], [false, false, false]);
});

it('wrapped keys are read in slices, between which others go on', async () => {
  await using bench = await Bench.open();
  const segment = await bench.seal('record');
  const bytes = readFileSync(join(bench.home, 'keys', `${segment}.key`));
  for (let i = 100; i < 300; i += 1) writeFileSync(join(bench.home, 'keys', `${segmentName(i)}.key`), bytes);
  let turns = 0;
  const found = await bench.tools.wraps.keyIds(async () => { turns += 1; });
  assert.deepEqual([found.size, turns >= 3], [201, true]);
});

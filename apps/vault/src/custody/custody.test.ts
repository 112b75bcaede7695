// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { Bug } from '@strongroom/bytes';
import { encodeOrderFile, newOrderFile, rangesOf } from '@strongroom/evidence';
import { LogDirectory } from '../commit/log-directory.ts';
import { PublishedLog } from '../upkeep/published-log.ts';
import { Bench, away } from '../simulation/custody-bench.ts';

const CASE = { by: 'spiffe://test.example/reader/operator', reference: 'CASE-12', reason: 'a letter' };

/** Submits an order that its custodians signed, and waits until it was tried. */
async function order(bench: Bench, file: Awaited<ReturnType<Bench['custody']['drawDestroy']>>): Promise<void> {
  await bench.custody.submit(encodeOrderFile(bench.approved(file)));
  await bench.custody.buckets();
}

/** What each minute does. */
async function goOn(bench: Bench): Promise<void> {
  bench.custody.start();
  await bench.custody.buckets();
}

async function bucketOf({ custody }: Bench): Promise<string> {
  return (await custody.buckets())[0]!.name;
}

function failures({ said }: Bench): unknown[] {
  return said.filter(({ event }) => event === 'vault.custody-failed').map(({ fields }) => fields['code']);
}

it('a hold that is released while a destruction left out what it kept ends when that is done, and nothing of it is lost', async () => {
  await using bench = await Bench.open();
  const { custody, keys } = bench;
  const [kept, gone] = [await bench.seal('secret.1'), await bench.seal('other.1')];
  const { hold } = await custody.place({ ...CASE, query: { text: 'secret' } });
  keys.fails.destroy = away();
  await order(bench, await custody.drawDestroy(await bucketOf(bench), 'an erasure request'));
  assert.deepEqual([custody.facts.holds, custody.facts.destroying, custody.facts.failure === null], [1, 1, false]);
  await order(bench, await custody.drawRelease(hold, 'closed'));
  assert.deepEqual(failures(bench), ['keys.hsm-away', 'order.under-way']);
  delete keys.fails.destroy;
  await goOn(bench);
  assert.deepEqual([bench.tools.state.destroying.size, custody.holds.list().length, bench.tools.wraps.list().get(kept)?.holds], [0, 0, []]);
  assert.deepEqual([await bench.opens(kept), await bench.opens(gone)], [true, false]);
});

it('what a released hold kept comes under no key that an order waits for', async () => {
  await using bench = await Bench.open();
  const { custody } = bench;
  const kept = await bench.seal('secret.1');
  await bench.seal('other.1');
  const { hold } = await custody.place({ ...CASE, query: { text: 'secret' } });
  await order(bench, await custody.drawDestroy(await bucketOf(bench), 'an erasure request'));
  const later = await bench.seal('other.2');
  const waiting = await custody.drawDestroy(await bucketOf(bench), 'another one');
  await order(bench, await custody.drawRelease(hold, 'closed'));
  await order(bench, waiting);
  assert.deepEqual(failures(bench), []);
  assert.deepEqual([await bench.opens(kept), await bench.opens(later)], [true, false]);
});

it('an order that names less than lies under its keys, or nothing that is not held, destroys nothing', async () => {
  await using bench = await Bench.open();
  const { custody, tools } = bench;
  const [first, second] = [await bench.seal('other.1'), await bench.seal('other.2')];
  const drawn = await custody.drawDestroy(await bucketOf(bench), 'an erasure request');
  assert.ok(drawn.order.kind === 'destroy');
  const less = newOrderFile({ ...drawn.order, segments: rangesOf([first]) });
  await tools.orders.put(less);
  await order(bench, less);
  await tools.orders.put(drawn);
  await custody.place({ ...CASE, query: { text: 'other' } });
  await order(bench, drawn);
  assert.deepEqual(failures(bench), ['order.stale', 'order.all-held']);
  assert.deepEqual([await bench.opens(first), await bench.opens(second)], [true, true]);
});

it('whatever an order fails with, it is told and tried again, and nothing else ends', async () => {
  await using bench = await Bench.open();
  const { custody, keys } = bench;
  const segment = await bench.seal('other.1');
  keys.fails.begin = new Bug('rpc.unexpected', 'no space left on device');
  const file = await custody.drawDestroy(await bucketOf(bench), 'an erasure request');
  await order(bench, file);
  assert.deepEqual([failures(bench), custody.orders()[0]!.failure], [['rpc.unexpected'], 'no space left on device']);
  assert.deepEqual(custody.facts, { holds: 0, waiting: 1, destroying: 0, due: 0, failure: 'no space left on device' });
  delete keys.fails.begin;
  await goOn(bench);
  assert.deepEqual(custody.facts, { holds: 0, waiting: 0, destroying: 0, due: 0, failure: null });
  assert.deepEqual([custody.orders().length, await bench.opens(segment)], [0, false]);
});

it('a destruction that is not finished is in the list until it is, and goes on soon without being asked', async () => {
  await using bench = await Bench.open();
  const { custody, keys } = bench;
  const segment = await bench.seal('other.1');
  const name = await bucketOf(bench);
  keys.fails.destroy = away();
  await order(bench, await custody.drawDestroy(name, 'an erasure request'));
  assert.deepEqual((await custody.buckets()).map((one) => [one.name, one.isUnderWay, one.segments.length]), [[name, true, 0]]);
  bench.later.get(1000)!();
  assert.equal((await custody.buckets()).length, 1);
  delete keys.fails.destroy;
  bench.later.get(2000)!();
  assert.deepEqual(await custody.buckets(), []);
  assert.deepEqual([bench.tools.state.destroying.size, await bench.opens(segment)], [0, false]);
});

it('an order that is lost and one that cannot be judged stop no other, and what is wrong with them is told', async () => {
  await using bench = await Bench.open();
  const { custody, keys, tools } = bench;
  await bench.seal('other.1');
  const { hold } = await custody.place({ ...CASE, query: { text: 'secret' } });
  keys.fails.destroy = away();
  const lost = await custody.drawDestroy(await bucketOf(bench), 'an erasure request');
  await order(bench, lost);
  rmSync(join(bench.home, 'orders', `${lost.order.id}.order`));
  const release = await custody.drawRelease(hold, 'closed');
  const foreign = newOrderFile({ ...release.order, id: '0'.repeat(32), origin: 'other.example/log' });
  await tools.orders.put(foreign);
  keys.fails.begin = away();
  await order(bench, release);
  keys.fails = {};
  await goOn(bench);
  assert.equal(custody.holds.list().length, 0);
  assert.deepEqual(custody.orders().map(({ file, failure }) => [file.order.id, failure !== null]), [[foreign.order.id, true], [lost.order.id, true]]);
  assert.ok(failures(bench).includes('order.lost'));
});

it('what a hold keeps is wrapped again before the bucket\'s key goes, when its wrap does not open any more', async () => {
  await using bench = await Bench.open();
  const { custody, keys } = bench;
  const kept = await bench.seal('secret.1');
  await bench.seal('other.1');
  const { hold } = await custody.place({ ...CASE, query: { text: 'secret' } });
  // As in a token that was put back from before the hold.
  for (const keyId of keys.live) if (keyId.startsWith('hold/')) keys.live.delete(keyId);
  assert.equal(await bench.opens(kept, hold), false);
  await order(bench, await custody.drawDestroy(await bucketOf(bench), 'an erasure request'));
  assert.deepEqual(failures(bench), []);
  assert.deepEqual([await bench.opens(kept), await bench.opens(kept, hold)], [false, true]);
});

const HOUR_NS = 3_600_000_000_000n;

it('an order that was begun in time is carried out however late, and its entry says a time that verifies', async () => {
  await using bench = await Bench.open();
  const { custody, keys } = bench;
  const segment = await bench.seal('other.1');
  const file = await custody.drawDestroy(await bucketOf(bench), 'an erasure request');
  keys.fails.begun = away();
  await order(bench, file);
  delete keys.fails.begun;
  keys.laterNs = 2n * HOUR_NS;
  await goOn(bench);
  assert.deepEqual([await bench.opens(segment), custody.orders().length], [false, 0]);
  const entries = [...new PublishedLog(new LogDirectory(bench.tools.world.disk, join(bench.home, 'log'))).entries(0)].map(({ entry }) => entry);
  assert.deepEqual(entries.flatMap((entry) => (entry.kind === 'destroy' ? [entry.time] : [])), [file.order.expires]);
});

it('an order that was not begun in time expires', async () => {
  await using bench = await Bench.open();
  const { custody, keys } = bench;
  const segment = await bench.seal('other.1');
  const file = await custody.drawDestroy(await bucketOf(bench), 'an erasure request');
  keys.fails.begin = away();
  await order(bench, file);
  keys.fails = {};
  keys.laterNs = 2n * HOUR_NS;
  await goOn(bench);
  assert.deepEqual([await bench.opens(segment), custody.orders().length], [true, 0]);
  assert.ok(bench.said.some(({ event }) => event === 'vault.order-expired'));
});

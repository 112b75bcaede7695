// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { encodeOrderFile } from '@strongroom/evidence';
import { Bench } from '../simulation/custody-bench.ts';

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

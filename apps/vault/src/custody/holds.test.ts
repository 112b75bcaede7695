// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { partName } from '@strongroom/evidence';
import { Bench } from '../simulation/custody-bench.ts';

const CASE = { by: 'spiffe://test.example/reader/operator', reference: 'CASE-12', reason: 'a letter' };

it('what was committed and not published while a hold was judged is judged the next time', async () => {
  await using bench = await Bench.open();
  const { holds } = bench.custody;
  const hold = await holds.place({ ...CASE, query: { text: 'secret' } });
  bench.isSettling = false;
  const segment = await bench.seal('secret.1');
  await holds.judge();
  assert.deepEqual(holds.held([segment]), [], 'it is not published');
  await bench.publisher.flush();
  await holds.judge();
  assert.deepEqual(holds.held([segment]), [segment]);
  assert.equal(holds.list().find((one) => one.hold === hold)!.judged, bench.vault.size);
});

it('before a destruction its segments are judged from the beginning, however far a hold says that it was judged', async () => {
  await using bench = await Bench.open();
  const { holds } = bench.custody;
  const [kept, gone] = [await bench.seal('secret.1'), await bench.seal('other.1')];
  const hold = await holds.place({ ...CASE, query: { text: 'secret' } });
  writeFileSync(join(bench.tools.paths.holds, `${hold}.judged`), '999999\n');
  await holds.judge();
  assert.deepEqual(holds.held([kept, gone]), []);
  await holds.judge([gone, kept]);
  assert.deepEqual(holds.held([kept, gone]), [kept]);
});

it('a segment that the disk does not give is held', async () => {
  await using bench = await Bench.open();
  const segment = await bench.seal('other.1');
  const path = join(bench.tools.paths.segments, partName(segment, 0));
  rmSync(path);
  // It opens, and reading it is an error of the system.
  mkdirSync(path);
  const { segments } = await bench.custody.place({ ...CASE, query: { text: 'secret' } });
  assert.deepEqual(segments, [segment]);
});

it('a segment whose data key is lost is told of, and others are held', async () => {
  await using bench = await Bench.open();
  const [lost, segment] = [await bench.seal('other.1'), await bench.seal('secret.2')];
  rmSync(join(bench.home, 'keys', `${lost}.key`));
  const { segments } = await bench.custody.place({ ...CASE, query: { text: 'secret' } });
  assert.deepEqual(segments, [segment]);
  assert.deepEqual(bench.said.filter(({ event }) => event === 'vault.hold-incomplete').map(({ fields }) => fields['segment']), [lost]);
});

it('a hold has the conditions that its format names, and no others', async () => {
  await using bench = await Bench.open();
  for (const query of [{ regex: 'a+' }, { text: 'secret', else: 1 }, { text: 'ä'.repeat(4000) }, { ignoreCase: true }, {}]) {
    await assert.rejects(bench.custody.place({ ...CASE, query }), { code: 'hold.query' });
  }
  assert.deepEqual([bench.custody.holds.list(), [...bench.keys.live].filter((keyId) => keyId.startsWith('hold/'))], [[], []]);
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Failed, Refused } from '@strongroom/bytes';
import { encodeBatch, type BatchEntry, type Item } from '@strongroom/evidence';
import { BuiltStream, StoreBuilder } from '@strongroom/testing';
import { parseQuery } from './query.ts';
import { search, type SearchTools } from './search.ts';
import { Unread } from './unread.ts';

const stream = new BuiltStream(new StoreBuilder());
const SEED = Buffer.alloc(32);
const batches = [['a1', 'b1'], ['a2'], ['b2', 'a3', 'a4']].map((records, index) => ({ index: index * 10, entry: { digest: encodeBatch(SEED, [stream.run(records)]) } as BatchEntry }));
const sealed = (give: SearchTools['give'], open: SearchTools['history']['open'] = async ({ digest }) => digest): SearchTools => ({ history: { open }, mayHold: async ({ records }) => records !== 0, isDestroyed: () => false, unread: new Unread(), turn: async () => undefined, isLeft: () => false, give });

const slowly: SearchTools['history']['open'] = async ({ digest }) => {
  await wait(120);
  return digest;
};

async function found(query: object, tools: (give: SearchTools['give']) => SearchTools = sealed): Promise<{ count: number; chunks: string[][] }> {
  const chunks: string[][] = [];
  const parsed = parseQuery(query);
  const count = await search(parsed.reverse ? batches.toReversed() : batches, parsed, tools(async (items: readonly Item[]) => { chunks.push(items.map(({ id }) => id)); return true; }));
  return { count, chunks };
}

describe('search', () => {
  it('gives what matches in the order of the log, or the newest first, as many as wanted', async () => {
    const cases: readonly (readonly [object, readonly string[]])[] = [
      [{ text: 'a' }, ['0-0', '10-0', '20-1', '20-2']], [{ text: 'a', reverse: true }, ['20-2', '20-1', '10-0', '0-0']],
      [{ text: 'a', reverse: true, limit: 3 }, ['20-2', '20-1', '10-0']], [{ limit: 1 }, ['0-0']], [{ text: 'c' }, []],
    ];
    for (const [query, ids] of cases) {
      const { count, chunks } = await found(query);
      assert.deepEqual([count, chunks.flat()], [ids.length, ids], JSON.stringify(query));
    }
  });

  it('hands on what it has while there is much more to look through', async () => {
    assert.deepEqual((await found({ text: 'a' }, (give) => sealed(give, slowly))).chunks, [['0-0'], ['10-0'], ['20-1', '20-2']]);
  });

  it('opens no batch that cannot hold a match', async () => {
    const tools = sealed(async () => true, async () => assert.fail('it was opened'));
    assert.equal(await search(batches.map(({ index, entry }) => ({ index, entry: { ...entry, records: 0 } })), parseQuery({}), tools), 0);
  });

  it('ends when nobody wants more', async () => {
    let opened = 0;
    const tools = sealed(async () => false, async ({ digest }) => { opened += 1; await wait(120); return digest; });
    assert.equal(await search(batches, parseQuery({ text: 'a' }), tools), 1);
    assert.equal(opened, 1);
  });

  it('goes on behind what cannot be read, and tells by segment what that was; while the HSM is away it ends', async () => {
    const errors: unknown[] = [
      new Failed('read.damaged', 'it is damaged'), new Refused('read.no-key', 'its key is lost', { fields: { isLost: true } }), new Refused('xaes.tag', 'another key'), Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'read' }),
    ];
    const named = batches.map(({ index, entry }, i) => ({ index, entry: { ...entry, segment: i < 2 ? 's1' : 's2', records: 5 } }));
    for (const error of errors) {
      for (const reverse of [false, true]) {
        const unread = new Unread();
        const tools = { ...sealed(async () => true, async (entry) => { if (entry.segment === 's1') throw error; return entry.digest; }), unread };
        assert.equal(await search(reverse ? named.toReversed() : named, parseQuery({ text: 'a', reverse }), tools), 2);
        const { batches: count, records, segments } = unread.facts;
        assert.deepEqual([count, records, segments], [2, 10, [{ segment: 's1', batches: 2, records: 10, code: (error as { code: string }).code, why: (error as Error).message }]]);
      }
    }
    const away = sealed(async () => true, async () => { throw new Refused('read.no-key', 'the HSM is away', { fields: { isLost: false } }); });
    await assert.rejects(search(named, parseQuery({}), away), { code: 'read.no-key' });
  });
});

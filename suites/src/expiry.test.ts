// SPDX-License-Identifier: Apache-2.0
// What is over its time is proposed by the appliance itself, and goes by order of two custodians; what is held stays.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RelpClient, startAppliance, type Appliance } from '@strongroom/testing';
import { WallClock, withoutFaketime } from './wall-clock.ts';

const CONFIG = {
  retention: {
    classes: { debug: { keepDays: 5, basis: 'a test' }, cases: { keepDays: 5, basis: 'a test' } },
    rules: [{ source: 'web-*', class: 'debug' }, { source: 'db-*', class: 'cases' }], checkMinutes: 1,
  },
};
/** Beyond the month in which five days end, and within the life of the services' certificates. */
const LATER = '+67d';
const PROPOSED = 'vault.destruction-proposed';

interface BucketRow {
  readonly bucket: string;
  readonly expired: boolean;
  readonly segments: number;
  readonly held: number;
}

describe('evidence that is over its time', { skip: withoutFaketime }, () => {
  let appliance: Appliance;
  let [anna, bert, id] = ['', '', ''];
  const clock = new WallClock();

  async function ok(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await appliance.cli(...words);
    assert.equal(code, 0, `${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  async function json<T>(...words: readonly string[]): Promise<T> {
    return JSON.parse(await ok(...words, '-o', 'json')) as T;
  }

  async function bucketOf(name: string): Promise<BucketRow | undefined> {
    return (await json<BucketRow[]>('destruction', 'list')).find(({ bucket }) => bucket.startsWith(`${name}/`));
  }

  /** Buckets that the appliance has proposed, by its own sealed events. */
  async function proposed(): Promise<string[]> {
    const items = await json<{ raw: string }[]>('search', PROPOSED, '--source', 'service/vault', '--kind', 'event');
    return items.map(({ raw }) => JSON.parse(raw) as { event: string; bucket: string }).filter(({ event }) => event === PROPOSED).map(({ bucket }) => bucket.split('/')[0]!);
  }

  async function send(source: string, line: string): Promise<void> {
    const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity: await appliance.enrol(source), window: 4 });
    await client.send([line]);
    await client.settle();
    await client.close();
  }

  before(async () => {
    appliance = await startAppliance({ config: CONFIG, environment: clock.environment });
    [anna, bert] = [await appliance.enrol('anna', '--role', 'custodian'), await appliance.enrol('bert', '--role', 'custodian')];
    await send('web-01', '<13>1 - - - - - - web goes');
    await send('db-01', '<13>1 - - - - - - db is held');
    id = (await json<{ id: string }[]>('search', 'web goes', '--source', 'web-01'))[0]!.id;
    await ok('hold', 'add', '--source', 'db-01', '--reference', 'CASE-12', '--reason', 'letter');
  });
  after(async () => {
    await appliance.stop();
    clock.remove();
  });

  it('is not proposed before, and wants a reason then', async () => {
    assert.deepEqual([(await bucketOf('debug'))!.expired, await proposed()], [false, []]);
    const { bucket } = (await bucketOf('debug'))!;
    assert.match((await appliance.cli('destruction', 'approve', bucket, '--identity', anna)).stderr, /\[order\.reason\]/);
  });

  it('is proposed by the appliance itself, which says so; what is held is not', async () => {
    await appliance.halt();
    clock.set(LATER);
    await appliance.start();
    await appliance.tells(PROPOSED, '"debug/');
    while ((await proposed()).length === 0) await delay(200);
    assert.deepEqual(await proposed(), ['debug']);
    assert.match(await ok('status'), /custody +1 legal hold in force, 1 bucket over its time/);
    const { bucket, expired, held, segments } = (await bucketOf('cases'))!;
    assert.deepEqual([expired, held], [true, segments]);
    assert.match((await appliance.cli('destruction', 'approve', bucket, '--identity', anna)).stderr, /\[order\.all-held\]/);
  });

  it('goes when two custodians have approved it, for the reason that its class has', async () => {
    const { bucket } = (await bucketOf('debug'))!;
    for (const custodian of [anna, bert]) await ok('destruction', 'approve', bucket, '--identity', custodian);
    while ((await bucketOf('debug')) !== undefined) await delay(200);
    const file = join(appliance.home, 'proof.json');
    writeFileSync(file, await ok('prove', id));
    const { batch, destruction } = await json<{ batch: { records: number }; destruction: { custodians: string[]; reason: string } }>('verify-proof', file);
    assert.equal(batch.records, 1);
    assert.deepEqual([destruction.custodians.map((one) => basename(one)), destruction.reason], [['anna', 'bert'], 'expired: class debug, kept 5 days: a test']);
    assert.equal((await json<unknown[]>('search', 'db is held', '--source', 'db-01')).length, 1);
    const verdict = await json<{ ok: boolean; contents: string; destroyedSegments: number }>('verify');
    assert.deepEqual([verdict.ok, verdict.contents, verdict.destroyedSegments], [true, 'checked', 1]);
  });

  it('is proposed once its last hold has ended', async () => {
    const [{ hold }] = await json<[{ hold: string }]>('hold', 'list');
    for (const custodian of [anna, bert]) await ok('hold', 'release', hold, '--reason', 'case closed', '--identity', custodian);
    await appliance.tells(PROPOSED, '"cases/');
    while (!(await proposed()).includes('cases')) await delay(200);
  });
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failed, Refused } from '@strongroom/bytes';
import { openCheckpoint, parseVkey } from '@strongroom/evidence';
import { layout, type CountingFacts, type Fields } from '@strongroom/service';
import { configOf } from '@strongroom/service/config';
import type { CounterFacts } from '@strongroom/keys';
import { buildStore, writeFiles } from '@strongroom/testing';
import type { CounterKeys } from './commit/key-line.ts';
import { Counting } from './counting.ts';
import { SYSTEM_DISK } from './disk.ts';
import { SYSTEM_WORLD, type World } from './world.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-counting-'));
after(() => rmSync(directory, { recursive: true }));
const SIZE = 12;
const store = buildStore(SIZE);
const ROOT = openCheckpoint(store.checkpoint, parseVkey(store.vkey)).root;
const ORIGIN = store.vkey.split('+')[0]!;
const AT = '2026-03-01T12:00:00.000Z';
let homes = 0;

/** A counter whose key service says what it is told to. */
class Bench {
  readonly paths = layout(join(directory, `home-${homes += 1}`));
  readonly told: [string, Fields][] = [];
  readonly accepted: Buffer[] = [];
  stated: CounterFacts | null | Error = null;
  value = 0;
  readonly stop = new AbortController();
  readonly counting: Counting;

  constructor() {
    writeFiles(this.paths.store, store.files);
    const config = configOf();
    const keys: CounterKeys = {
      readCounter: async () => { if (this.stated instanceof Error) throw this.stated; return this.stated; },
      advanceCounter: async () => { if (this.stated instanceof Error) throw this.stated; return this.value += 1; },
      acceptCounter: async (order) => { this.accepted.push(order); },
    };
    // One step, and one look at a counter that was away: the second pause ends the test's life.
    let pauses = 0;
    const clock = { ...SYSTEM_WORLD.clock, nowNs: () => BigInt(Date.parse(AT)) * 1_000_000n, sleep: async () => { if ((pauses += 1) === 2) this.stop.abort(); } };
    const world: World = { ...SYSTEM_WORLD, disk: SYSTEM_DISK, clock };
    const context = {
      paths: this.paths, config: { ...config, keys: { ...config.keys, counter: { ...config.keys.counter, tpm: '/dev/tpmrm0' } } },
      event: () => undefined, state: () => undefined,
    };
    const publisher = { publishedSize: SIZE, checkpoint: store.checkpoint, beyond: async () => undefined };
    const record = (event: string, fields: Fields): void => { this.told.push([event, fields]); };
    this.counting = Counting.open(world, context, { publisher, origin: ORIGIN, record, keys: { counter: keys } } as unknown as Parameters<typeof Counting.open>[2])!;
  }

  /** What `status` is told. */
  shown(): CountingFacts {
    return this.counting.facts;
  }

  get events(): string[] {
    return this.told.map(([event]) => event);
  }

  state(file: string, content: string): void {
    writeFiles(this.paths.vaultState, new Map([[file, Buffer.from(content)]]));
  }
}

const away = (): Failed => new Failed('keys.counter-away', 'the TPM cannot be reached', { why: 'ENOENT' });
const facts = (over: Partial<CounterFacts> = {}): CounterFacts => ({ counter: 7, origin: ORIGIN, size: SIZE, root: ROOT, ...over });

test('a store that has what was stated is served, and the counter shown', async () => {
  const bench = new Bench();
  bench.stated = facts();
  assert.deepEqual(bench.shown(), { kind: 'tpm', value: null, size: 0, comparedAt: null, away: null });
  await bench.counting.compare();
  assert.deepEqual(bench.shown(), { kind: 'tpm', value: 7, size: SIZE, comparedAt: AT, away: null });
  bench.value = 7;
  await bench.counting.watch(bench.stop.signal);
  assert.deepEqual([bench.shown().value, bench.events], [9, []]);
});

test('the first step of all is sealed, once', async () => {
  const bench = new Bench();
  bench.value = 40;
  await bench.counting.compare();
  assert.deepEqual(bench.shown(), { kind: 'tpm', value: null, size: 0, comparedAt: AT, away: null });
  await bench.counting.watch(bench.stop.signal);
  assert.deepEqual(bench.told, [['vault.counter-begun', { value: 41, size: SIZE }]]);
});

test('an older store, another log, and another history are refused', async () => {
  for (const [stated, code] of [
    [facts({ size: SIZE + 1 }), 'vault.rollback'], [facts({ origin: `${ORIGIN}-2` }), 'vault.rollback'], [facts({ root: Buffer.alloc(32, 9) }), 'vault.fork'],
    [new Refused('keys.counter-rollback', 'ahead'), 'vault.rollback'], [new Refused('keys.counter-statement', 'none of ours'), 'vault.rollback'],
    [new Refused('keys.counter-lost', 'gone'), 'keys.counter-lost'], [new Refused('keys.counter-other', 'another'), 'keys.counter-other'],
  ] as const) {
    const bench = new Bench();
    bench.stated = stated;
    await assert.rejects(bench.counting.compare(), { name: 'Refused', code });
    assert.equal(existsSync(join(bench.paths.vaultState, 'counter-refusal')), code === 'vault.rollback', 'what an order to accept it is drawn up from');
  }
});

test('a store that is in order again takes the refusal away', async () => {
  const bench = new Bench();
  bench.state('counter-refusal', 'earlier');
  bench.stated = facts();
  await bench.counting.compare();
  assert.equal(existsSync(join(bench.paths.vaultState, 'counter-refusal')), false);
});

test('an acceptance is handed to the key service before anything is compared', async () => {
  const bench = new Bench();
  bench.state('acceptance', 'an order');
  bench.stated = facts();
  await bench.counting.compare();
  assert.deepEqual(bench.accepted.map(String), ['an order']);
  assert.equal(readFileSync(join(bench.paths.vaultState, 'acceptance'), 'utf8'), 'an order');
});

test('a counter that does not answer stops nothing, is told once, and is compared when it answers', async () => {
  const bench = new Bench();
  bench.stated = away();
  await bench.counting.compare();
  await bench.counting.watch(bench.stop.signal);
  assert.deepEqual(bench.events, ['vault.counter-away']);
  assert.deepEqual(bench.shown(), { kind: 'tpm', value: null, size: 0, comparedAt: null, away: 'the TPM cannot be reached: ENOENT' });

  const back = new Bench();
  back.stated = away();
  await back.counting.compare();
  back.stated = facts();
  back.value = 7;
  await back.counting.watch(back.stop.signal);
  assert.deepEqual(back.events, ['vault.counter-away', 'vault.counter-back']);
  assert.deepEqual([back.shown().away, back.shown().comparedAt], [null, AT]);
});

test('one that answers late and contradicts the store ends the vault', async () => {
  const bench = new Bench();
  bench.stated = away();
  await bench.counting.compare();
  bench.stated = facts({ size: SIZE + 5 });
  await bench.counting.watch(bench.stop.signal);
  await assert.rejects(bench.counting.refused, { name: 'Refused', code: 'vault.rollback' });
});

test('without a counter in the configuration there is nothing to do', () => {
  const bench = new Bench();
  assert.equal(Counting.open(SYSTEM_WORLD, { paths: bench.paths, config: configOf(), event: () => undefined, state: () => undefined }, { keys: {} } as unknown as Parameters<typeof Counting.open>[2]), null);
});

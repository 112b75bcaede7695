// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { BOUND_UNKNOWN, KIND, NO_KEY, encodeContext, xaesKey, type BatchRun, type CloseEntry, type Context } from '@strongroom/evidence';
import type { SealedBatch } from '../commit/seal.ts';
import type { SegmentWriter } from '../commit/segment-writer.ts';
import type { VaultEvents } from '../commit/vault.ts';
import { SYSTEM_DISK } from '../disk.ts';
import { FilterBuilder, SegmentFilter, factsOf, type Facts } from './filter.ts';
import { keepFilters, readFilter } from './filter-keeper.ts';
import { parseQuery } from './query.ts';

const [DATA_KEY, HEADER, SEGMENT] = [randomBytes(32), randomBytes(32), '00000000000000a1'];
const KEY = xaesKey(DATA_KEY);
const MIB = 1024 * 1024;

function contextOf(facts: Partial<Context>): Context {
  return {
    kind: KIND.data, flags: 0, receivedAt: 100n, bound: BOUND_UNKNOWN, admittedAt: 101n, asserter: 'spiffe://d/service/gateway', instance: Buffer.alloc(16), source: 'spiffe://d/source/web-01', sourceKey: NO_KEY,
    protocol: 'syslog-tls', peer: '192.0.2.1:1', stream: Buffer.alloc(16, 7), ...facts,
  };
}

function runOf(facts: Partial<Context>): BatchRun {
  return { context: encodeContext(contextOf(facts)), firstSequence: 0, count: 0, lengths: Buffer.alloc(0), data: Buffer.alloc(0) };
}

function opened(builder: FilterBuilder, facts: Facts): SegmentFilter {
  return SegmentFilter.open(builder.seal(KEY, SEGMENT, HEADER), KEY, SEGMENT, HEADER, factsOf(facts));
}

describe('a filter', () => {
  it('tells in which frames a source, kind, protocol or stream is', () => {
    const builder = new FilterBuilder();
    builder.add([runOf({}), runOf({ source: 'spiffe://d/source/web-02', stream: Buffer.alloc(16, 9) })], 5 * MIB);
    builder.add([runOf({ kind: KIND.event, protocol: 'kmsg' })], 1 * MIB);
    builder.add([runOf({ source: 'x' })], 4 * MIB);
    const cases: readonly (readonly [Facts, readonly boolean[]])[] = [
      [{}, [true, true, true]], [{ source: 'web-01' }, [true, true, true]], [{ source: 'spiffe://d/source/web-02' }, [true, false, false]], [{ source: 'web-0' }, [false, false, false]],
      [{ source: 'x' }, [false, true, true]], [{ kind: 'event' }, [false, true, true]], [{ kind: 'gap' }, [false, false, false]], [{ protocol: 'kmsg', source: 'web-01' }, [false, true, true]],
      [{ stream: '09'.repeat(16) }, [true, false, false]], [{ protocol: 'syslog-tls' }, [true, true, true]],
    ];
    for (const [facts, held] of cases) {
      const filter = opened(builder, facts);
      assert.deepEqual([0, 1, 2].map((frame) => filter.mayHold(frame)), held, JSON.stringify(facts));
      assert.ok(filter.mayHold(3), 'nothing is known of a later frame');
    }
  });

  it('never passes over what a query would find', () => {
    const names = ['a', 'spiffe://d/source/a', 'spiffe://d/service/a', 'spiffe://d/source/ä', 'd/', '/', ''];
    for (const source of names) {
      for (const wanted of names) {
        const builder = new FilterBuilder();
        builder.add([runOf({ source })], 1);
        const query = parseQuery({ source: wanted });
        if (query.context(contextOf({ source }))) assert.ok(opened(builder, { source: wanted }).mayHold(0), `${wanted} in ${source}`);
      }
    }
  });

  it('knows nothing of a group with too much in it, and all of the next one', () => {
    const builder = new FilterBuilder();
    builder.add(Array.from({ length: 9000 }, (_, i) => runOf({ source: `s-${i}` })), 5 * MIB);
    builder.add([runOf({ source: 's-1' })], 5 * MIB);
    const filter = opened(builder, { source: 'other' });
    assert.deepEqual([0, 1].map((frame) => filter.mayHold(frame)), [true, false]);
  });

  it('belongs to one key and one segment', () => {
    const builder = new FilterBuilder();
    builder.add([runOf({})], 1);
    const sealed = builder.seal(KEY, SEGMENT, HEADER);
    const changed = Buffer.from(sealed.map((octet, i) => (i === sealed.length - 20 ? octet ^ 1 : octet)));
    for (const open of [
      () => SegmentFilter.open(changed, KEY, SEGMENT, HEADER, []), () => SegmentFilter.open(sealed.subarray(0, -1), KEY, SEGMENT, HEADER, []), () => SegmentFilter.open(sealed, xaesKey(randomBytes(32)), SEGMENT, HEADER, []),
      () => SegmentFilter.open(sealed, KEY, '00000000000000a2', HEADER, []), () => SegmentFilter.open(sealed, KEY, SEGMENT, randomBytes(32), []),
    ]) assert.throws(open, { code: 'xaes.tag' });
    assert.throws(() => SegmentFilter.open(Buffer.from('SRFILT2\n'), KEY, SEGMENT, HEADER, []), { code: 'filter.version' });
    assert.throws(() => SegmentFilter.open(Buffer.alloc(3), KEY, SEGMENT, HEADER, []), { code: 'bytes.truncated' });
  });
});

function batch(segment: string, frame: number, source: string): SealedBatch {
  const run = { ...runOf({ source }), receivedAt: 0n, retentionClass: 'default' } as SealedBatch['runs'][number];
  return { entry: { segment, frame, bytes: 5 * MIB } as SealedBatch['entry'], frame: [], runs: [run] };
}

function opening(name: string): SegmentWriter {
  return { name, dataKey: DATA_KEY, headerDigest: HEADER } as SegmentWriter;
}

describe('keeping filters', () => {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-filters-'));
  after(() => rmSync(directory, { recursive: true }));
  const read = (segment: string, source: string) => readFilter(directory, { segment, header: HEADER }, factsOf({ source }), KEY);

  it('follows several segments from their opening to their closing', async () => {
    const events = new EventEmitter<VaultEvents>();
    const keeper = keepFilters(SYSTEM_DISK, directory, events);
    for (const name of ['a1', 'a2']) events.emit('opened', opening(`00000000000000${name}`));
    events.emit('sealed', [batch('00000000000000a1', 0, 'one'), batch('00000000000000a2', 0, 'two'), batch('00000000000000a1', 1, 'three')], 0, '');
    events.emit('closed', { segment: '00000000000000a1' } as CloseEntry);
    await keeper.settled();
    assert.deepEqual(readdirSync(directory), ['00000000000000a1']);
    assert.deepEqual([0, 1].map((frame) => read('00000000000000a1', 'three')?.mayHold(frame)), [false, true]);
    assert.equal(read('00000000000000a2', 'two'), null);
    const bytes = readFileSync(join(directory, '00000000000000a1'));
    assert.ok(!bytes.includes('three'));
    writeFileSync(join(directory, '00000000000000a1'), bytes.subarray(0, -1));
    assert.equal(read('00000000000000a1', 'three'), null, 'a damaged one is passed over');
  });

  it('makes none of a segment that it did not follow from its first frame', async () => {
    const events = new EventEmitter<VaultEvents>();
    const keeper = keepFilters(SYSTEM_DISK, directory, events);
    events.emit('opened', opening('00000000000000b1'));
    events.emit('sealed', [batch('00000000000000b1', 1, 'one'), batch('00000000000000b2', 0, 'one')], 0, '');
    for (const segment of ['00000000000000b1', '00000000000000b2']) events.emit('closed', { segment } as CloseEntry);
    await keeper.settled();
    assert.deepEqual(readdirSync(directory).filter((name) => name.includes('b')), []);
  });
});

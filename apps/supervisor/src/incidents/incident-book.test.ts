// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Fields, Incident } from '@strongroom/service';
import { IncidentBook, type Kept } from './incident-book.ts';
import { IncidentFile } from './incident-file.ts';

const incident = (id: string, closedAt: string | null = null): Incident => ({
  id, subject: 'audit', reason: 'overrun', from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T00:00:01.000Z', count: 1, uncounted: 0, openedAt: '2026-01-01T00:00:02.000Z', closedAt,
});
const says = (...incidents: Incident[]) => ({ values: {}, incidents });
const opened = (id: string) => ({ event: 'incident.opened', fields: incident(id) as unknown as Fields });
const NOW = Date.parse('2026-01-01T00:10:00Z');
const capture = (life: number) => ({ service: 'capture', index: 0, life });

function begin(before: readonly Kept[] = [], sealed: () => Promise<void> = async () => undefined) {
  const ends: Fields[] = [];
  const keeps: (readonly Kept[])[] = [];
  const end = (fields: Fields): Promise<void> => {
    ends.push(fields);
    return sealed();
  };
  return { ends, keeps, book: new IncidentBook({ end, keep: (kept) => keeps.push(kept) }, before) };
}
const idsOf = (kept: readonly Kept[] | undefined): string[] | undefined => kept?.map(({ incident: { id } }) => id);

test('keeps what a service that started anew knows nothing of, and for a day what is over', async () => {
  const { book } = begin();
  book.take(capture(1), says(incident('b'), incident('a')), NOW);
  book.take({ service: 'vault', index: 0, life: 1 }, { values: {} }, NOW);
  book.take({ service: 'gateway', index: 1, life: 1 }, says(incident('g', '2026-01-01T00:09:00.000Z')), NOW);
  assert.deepEqual(book.list(NOW).map(({ id, service, closedAt }) => [id, service, closedAt]), [['b', 'capture', null], ['a', 'capture', null], ['g', 'gateway', '2026-01-01T00:09:00.000Z']]);
  book.take(capture(2), says(incident('c')), NOW);
  await Promise.resolve();
  assert.deepEqual(book.list(NOW).map(({ id, closedAt }) => [id, closedAt === null]), [['c', true], ['g', false], ['b', false], ['a', false]]);
  assert.deepEqual(book.list(NOW + 86_400_000).map(({ id }) => id), ['c']);
});

test('has what a process left open sealed once its service speaks again, and keeps it until that is done', async () => {
  const sealing = Promise.withResolvers<void>();
  const { book, ends, keeps } = begin([], () => sealing.promise);
  book.told(capture(1), opened('a'));
  assert.deepEqual(idsOf(keeps.at(-1)), ['a'], 'before it can be sealed');
  book.take(capture(1), says({ ...incident('a'), count: 7 }), NOW);
  assert.deepEqual(ends, []);
  book.take(capture(2), says(), NOW);
  book.take(capture(2), says(), NOW + 1000);
  assert.deepEqual(ends, [{ ...incident('a', '2026-01-01T00:10:00.000Z'), service: 'capture', count: 7, why: 'its service ended without a word' }]);
  assert.deepEqual(idsOf(keeps.at(-1)), ['a']);
  sealing.resolve();
  await new Promise(setImmediate);
  assert.deepEqual(idsOf(keeps.at(-1)), []);
});

test('has an end sealed again that a process told of just before it was gone, and none that is older', () => {
  const { book, ends } = begin();
  const at = (ms: number): string => new Date(NOW + ms).toISOString();
  book.take(capture(1), says(incident('b', at(-10_000)), incident('a')), NOW);
  book.told(capture(1), { event: 'incident.closed', fields: incident('a', at(5)) as unknown as Fields });
  book.take(capture(2), says(), NOW + 1000);
  assert.deepEqual(ends.map(({ id, closedAt, why }) => [id, closedAt, why]), [['a', at(5), 'told before its service ended without a word']]);
});

test('knows over a life of the supervisor what may be without an end, but not what services that stopped in order had sealed', () => {
  const { book, ends, keeps } = begin([{ process: 'capture 0', incident: { ...incident('a'), service: 'capture' } }]);
  assert.equal(book.list(NOW)[0]!.closedAt, null);
  book.take(capture(1), says(incident('b')), NOW);
  assert.deepEqual(ends.map(({ id, why }) => [id, why]), [['a', 'the supervisor ended without a word']]);
  book.told(capture(1), { event: 'incident.closed', fields: incident('b', '2026-01-01T00:10:00.000Z') as unknown as Fields });
  book.stopped();
  assert.deepEqual(idsOf(keeps.at(-1)), ['a'], 'nobody knows yet whether that is sealed');
});

test('keeps no more than it can show', () => {
  const { book } = begin();
  for (let number = 0; number < 400; number += 1) book.told(capture(1), opened(`${number}`));
  const all = book.list(NOW);
  assert.equal(all.length, 256);
  assert.equal(all[0]!.id, '399');
});

test('keeps nothing that is no incident, whoever says it', () => {
  const { book, keeps } = begin();
  for (const fields of [{}, { ...opened('a').fields, subject: 7 }, { ...opened('a').fields, reason: 'x'.repeat(201) }, { ...opened('a').fields, count: null }]) book.told(capture(1), { event: 'incident.opened', fields: fields as Fields });
  book.take(capture(1), { values: {}, incidents: [null as unknown as Incident] }, NOW);
  assert.deepEqual([book.list(NOW), keeps.at(-1)], [[], []]);
});

test('the file holds what was kept last, and one that holds something else is told', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-incidents-'));
  try {
    const path = join(directory, 'incidents.json');
    const told: string[] = [];
    const file = new IncidentFile(path, ({ message }) => told.push(message));
    assert.deepEqual(file.read(), []);
    const kept = (id: string): Kept => ({ process: 'capture 0', incident: { ...incident(id), service: 'capture' } });
    for (const id of ['a', 'b', 'c']) file.keep([kept(id)]);
    await file.settled();
    assert.deepEqual([file.read(), told], [[kept('c')], []]);
    writeFileSync(path, JSON.stringify([{ process: 'capture 0', incident: { id: 1 } }]));
    assert.deepEqual([file.read(), told.length], [[], 1]);
    rmSync(directory, { recursive: true });
    file.keep([kept('d')]);
    await file.settled();
    assert.equal(told.length, 2, 'and one that cannot be written');
    assert.throws(() => readFileSync(path));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Incident } from '@strongroom/service';
import { IncidentBook } from './incident-book.ts';

const incident = (id: string, closedAt: string | null = null): Incident => ({
  id, subject: 'audit', reason: 'overrun', from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T00:00:01.000Z', count: 1, uncounted: 0, openedAt: '2026-01-01T00:00:02.000Z', closedAt,
});
const says = (...incidents: Incident[]) => ({ values: {}, incidents });
const NOW = Date.parse('2026-01-01T00:10:00Z');

test('keeps what a service that started anew knows nothing of, and for a day what is over', () => {
  const book = new IncidentBook();
  book.take('capture', 0, says(incident('b'), incident('a')), NOW);
  book.take('vault', 0, { values: {} }, NOW);
  book.take('gateway', 1, says(incident('g', '2026-01-01T00:09:00.000Z')), NOW);
  assert.deepEqual(book.list(NOW).map(({ id, service, closedAt }) => [id, service, closedAt]), [['b', 'capture', null], ['a', 'capture', null], ['g', 'gateway', '2026-01-01T00:09:00.000Z']]);
  book.take('capture', 0, says(incident('c')), NOW);
  assert.deepEqual(book.list(NOW).map(({ id, closedAt }) => [id, closedAt === null]), [['c', true], ['g', false], ['b', false], ['a', false]]);
  assert.deepEqual(book.list(NOW + 86_400_000).map(({ id }) => id), ['c']);
});

test('keeps no more than it can show', () => {
  const book = new IncidentBook();
  for (let number = 0; number < 400; number += 1) book.take('capture', 0, says(incident(`${number}`)), NOW);
  const all = book.list(NOW);
  assert.equal(all.length, 256);
  assert.equal(all[0]!.id, '399');
});

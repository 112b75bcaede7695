// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fields } from './events.ts';
import { Incidents } from './incidents.ts';

const loss = (count: number | null, fromMs: number, toMs = fromMs) => ({ subject: 'audit', reason: 'overrun', count, fromMs, toMs });

function begin() {
  const sealed: [string, Fields][] = [];
  return { sealed, incidents: new Incidents((event, _, fields) => { sealed.push([event, fields]); }) };
}

describe('incidents', () => {
  it('are one from the first loss to the last, sealed at both ends, and shown for a day', () => {
    const { sealed, incidents } = begin();
    incidents.happened(loss(3, 5000), 10_000);
    incidents.happened(loss(null, 2000, 9000), 11_000);
    incidents.happened(loss(4, 40_000), 60_000);
    incidents.happened({ ...loss(1, 0), reason: 'unseen' }, 60_001);
    assert.deepEqual(incidents.values(), { incidentsOpen: 2, incidentsOpened: 2 });
    assert.deepEqual(incidents.look(119_999).map(({ reason, closedAt }) => [reason, closedAt]), [['unseen', null], ['overrun', null]]);
    const [unseen, closed] = incidents.look(120_000);
    assert.equal(unseen!.closedAt, null);
    assert.deepEqual([closed!.from, closed!.to, closed!.count, closed!.uncounted, closed!.closedAt], ['1970-01-01T00:00:02.000Z', '1970-01-01T00:00:40.000Z', 7, 1, '1970-01-01T00:02:00.000Z']);
    assert.deepEqual(sealed.map(([event, { id, count, why }]) => [event, id === closed!.id, count, why]), [
      ['incident.opened', true, 3, undefined], ['incident.opened', false, 1, undefined], ['incident.closed', true, 7, 'quiet'],
    ]);
    assert.equal(incidents.look(86_400_000).length, 2);
    assert.deepEqual(incidents.look(120_000 + 86_400_000).map(({ reason }) => reason), ['unseen']);
  });

  it('stay open while what began lasts, and take what was lost meanwhile', () => {
    const { sealed, incidents } = begin();
    incidents.lasts('audit', 'overrun', 500, 1000);
    incidents.lasts('audit', 'overrun', 2000, 2000);
    assert.equal(incidents.look(3_600_000)[0]!.to, '1970-01-01T01:00:00.000Z');
    incidents.over('audit', 'overrun', 3_600_500);
    incidents.happened(loss(9, 1500), 3_606_000);
    incidents.look(3_660_600);
    assert.equal(sealed.length, 1);
    incidents.look(3_666_000);
    assert.deepEqual(sealed.map(([event, { from, to, count }]) => [event, from, to, count]), [
      ['incident.opened', '1970-01-01T00:00:00.500Z', '1970-01-01T00:00:01.000Z', 0], ['incident.closed', '1970-01-01T00:00:00.500Z', '1970-01-01T01:00:00.500Z', 9],
    ]);
  });

  it('are over a minute after their last loss also when the clock was set back', () => {
    const { sealed, incidents } = begin();
    incidents.happened(loss(1, 7_200_000), 7_200_000);
    incidents.look(3_600_000);
    incidents.look(3_659_999);
    assert.equal(sealed.length, 1);
    incidents.look(3_660_000);
    assert.deepEqual(sealed.map(([event]) => event), ['incident.opened', 'incident.closed']);
  });

  it('are closed with their service, and never too many', () => {
    const { sealed, incidents } = begin();
    for (let number = 0; number < 100; number += 1) incidents.happened({ ...loss(1, 0), reason: `${number}` }, 0);
    assert.equal(incidents.values()['incidentsOpen'], 64);
    incidents.close(1);
    assert.equal(incidents.look(2).length, 64);
    assert.equal(sealed.filter(([event, { why }]) => event === 'incident.closed' && why === 'the service stops').length, 64);
    incidents.over('nothing', 'such', 3);
    assert.equal(incidents.values()['incidentsOpen'], 0);
  });
});

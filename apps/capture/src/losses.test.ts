// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { Incidents, type Incident } from '@strongroom/service';
import { Losses } from './losses.ts';
import { bootClock } from './host.ts';

function after(...events: Parameters<Losses['told']>[]): readonly Incident[] {
  const incidents = new Incidents(() => undefined);
  const losses = new Losses(incidents);
  for (const [event, fields] of events) losses.told(event, fields);
  return incidents.look();
}
const brief = (incidents: readonly Incident[]): unknown[] => incidents.map(({ subject, reason, count, uncounted }) => [subject, reason, count, uncounted]);

describe('losses', () => {
  it('of one origin and reason are one incident with its time', () => {
    const [one, ...more] = after(
      ['audit.overrun', { records: 14, from: '2026-01-01T00:00:01.000Z', to: '2026-01-01T00:00:02.000Z' }],
      ['audit.missing', { count: 2, reason: 'overrun', noticedFrom: '2026-01-01T00:00:01.500Z', noticedTo: '2026-01-01T00:00:03.000Z' }], ['audit.ledger', { lostOverrun: 2 }],
    );
    assert.deepEqual([one!.subject, one!.reason, one!.count, one!.from, one!.to, more], ['audit', 'overrun', 2, '2026-01-01T00:00:01.000Z', '2026-01-01T00:00:03.000Z', []]);
  });

  it('that nobody could count are said to be so, with times since boot as times', () => {
    const [one] = after(['ebpf.missing', { count: null, reason: 'not-watched', fromNs: '1000000000', toNs: '5000000000' }]);
    assert.deepEqual(brief([one!]), [['ebpf', 'not-watched', 0, 1]]);
    assert.ok(Math.abs(Date.parse(one!.from) - bootClock() - 1000) < 1000);
    assert.equal(Date.parse(one!.to) - Date.parse(one!.from), 4000);
    assert.deepEqual(brief(after(['journal.cursor-unknown', { cursor: 'x', writtenAt: null, oldest: null, oldestWrittenAt: null }])), [['journal', 'cursor-unknown', 0, 1]]);
  });

  it('are expected while nobody reads, but not when a reader is only started anew, or all stops', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const incidents = new Incidents(() => undefined);
      const losses = new Losses(incidents);
      losses.told('ebpf.probe-gone', { why: 'it ended the line' });
      mock.timers.tick(4999);
      losses.told('ebpf.reading', {});
      mock.timers.tick(10_000);
      assert.deepEqual(brief(incidents.look()), []);
      losses.told('audit.reader-gone', { why: 'it ended the line' });
      mock.timers.tick(5000);
      assert.deepEqual(brief(incidents.look()), [['audit', 'not-read', 0, 0]]);
      losses.told('kmsg.failed', { code: 'kmsg.unreadable' });
      mock.timers.tick(5000);
      assert.deepEqual(brief(incidents.look()), [['kmsg', 'not-read', 0, 0], ['audit', 'not-read', 0, 0]]);
      losses.told('ebpf.probe-gone', { why: 'capture stops' });
      losses.close();
      mock.timers.tick(10_000);
      assert.equal(incidents.values()['incidentsOpen'], 2);
    } finally {
      mock.timers.reset();
    }
  });

  it('come of whatever an origin cannot have', () => {
    assert.deepEqual(brief(after(['kmsg.missing', { from: 1, to: 3, count: 3, reason: 'overwritten', boot: '' }], ['audit.incomplete', { count: 4, serials: '' }], ['capture.denied', { code: 'run.source', stream: '', records: 5 }],
      ['exec.differs', { unexplained: 6, from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T00:01:00.000Z' }])).toReversed(), [
      ['kmsg', 'overwritten', 3, 0], ['audit', 'incomplete', 4, 0], ['capture', 'run.source', 5, 0], ['exec', 'differs', 6, 0],
    ]);
  });
});

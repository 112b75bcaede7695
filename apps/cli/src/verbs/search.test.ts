// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tellUnread } from './search.ts';

async function told(format: 'table' | 'json', result: unknown): Promise<{ whole: boolean; text: string }> {
  let text = '';
  const err = { isTerminal: false, style: (_: string, of: string) => of, write: async (more: string) => { text += more; } };
  const whole = await tellUnread({ format, io: { err } } as unknown as Parameters<typeof tellUnread>[0], result);
  return { whole, text };
}

const DAMAGED = { segment: 'a1', batches: 1, records: 7, code: 'read.damaged', why: 'its digest is another\u001b[2J' };

describe('what a search could not read', () => {
  it('is nothing, where all was looked at', async () => {
    for (const result of [undefined, null, { found: 3 }, { unread: { batches: 0, records: 0, segments: [], entries: 0, log: [] } }]) {
      assert.deepEqual(await told('table', result), { whole: true, text: '' });
    }
  });

  it('is told by segment, with what to do, and nothing that a terminal would obey', async () => {
    const { whole, text } = await told('table', { unread: { batches: 3, records: 9, segments: [DAMAGED], entries: 0, log: [] } });
    assert.ok(!whole);
    for (const part of ['9 records in 3 batches', 'a1: 7 records in 1 batch', '[read.damaged]', 'and more segments', 'strongroom verify']) assert.ok(text.includes(part), part);
    assert.ok(!text.includes('\u001b'));
  });

  it('is told by place in the log, where that cannot be read', async () => {
    const place = { first: 512, count: 256, code: 'vault.log-damaged', why: 'store/log/tile/entries/002 is missing' };
    const { whole, text } = await told('table', { unread: { batches: 0, records: 0, segments: [], entries: 257, log: [place] } });
    assert.ok(!whole);
    assert.equal(text, [
      '! 257 entries of the log could not be read, and with them no batch that they name:', '  from 512: 256 entries: store/log/tile/entries/002 is missing [vault.log-damaged]', '  and more places',
      '  do:  run "strongroom verify"', '',
    ].join('\n'));
  });

  it('is one line of JSON for programs', async () => {
    const unread = { batches: 1, records: 7, segments: [DAMAGED], entries: 0, log: [] };
    const { whole, text } = await told('json', { unread });
    assert.ok(!whole);
    assert.deepEqual(JSON.parse(text), { unread });
  });
});

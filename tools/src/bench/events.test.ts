// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { firstFrames, framed, makeEvents } from './events.ts';

test('events are RFC 5424 messages of about 240 octets, and the same for the same seed', () => {
  const events = makeEvents(5000);
  assert.deepEqual(events, makeEvents(5000));
  assert.notDeepEqual(events, makeEvents(5000, 2));
  for (const event of events) assert.match(event, /^<\d{1,3}>1 2026-03-04T[\d:]{8}\.\d{6}Z \S+ \S+ \d+ \S+ (-|\[[^\]]+\]) [\x20-\x7e]+$/);
  const mean = events.reduce((sum, event) => sum + event.length, 0) / events.length;
  assert.ok(mean > 225 && mean < 255, `mean ${mean}`);
});

test('events do not compress like one line repeated', () => {
  const bytes = Buffer.from(makeEvents(5000).join('\n'));
  assert.ok(bytes.length / zstdCompressSync(bytes).length < 5);
});

test('chunks hold whole frames, and can be cut to an exact number of them', () => {
  const events = makeEvents(1000);
  const chunks = framed(events, 65_536);
  assert.equal(chunks.reduce((sum, chunk) => sum + chunk.events, 0), 1000);
  assert.ok(chunks.every((chunk) => chunk.bytes.length <= 65_536));
  const cut = firstFrames(chunks[0]!, 3);
  assert.equal(cut.bytes.toString(), events.slice(0, 3).map((event) => `${event.length} ${event}`).join(''));
});

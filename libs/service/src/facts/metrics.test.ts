// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMetrics } from './metrics.ts';

const SOURCE = { events: 1, bytes: 2, ackedBytes: 3, lagMs: 4, connections: 5, waiting: 6 };

test('each number becomes a metric of its service, several processes one metric', () => {
  const text = openMetrics([
    { service: 'gateway', index: 0, values: { recordsTaken: 3 } },
    { service: 'gateway', index: 1, values: { recordsTaken: 4 } },
    { service: 'vault', index: 0, values: { lastCommitAgeMs: 12.5 } },
  ]);
  assert.equal(text, [
    '# TYPE strongroom_gateway_records_taken gauge',
    'strongroom_gateway_records_taken{process="0"} 3',
    'strongroom_gateway_records_taken{process="1"} 4',
    '# TYPE strongroom_vault_last_commit_age_ms gauge',
    'strongroom_vault_last_commit_age_ms{process="0"} 12.5',
    '# EOF',
    '',
  ].join('\n'));
});

test('sources are a label, escaped', () => {
  const text = openMetrics([{ service: 'gateway', index: 0, values: {}, sources: { 'a"\\\nb': SOURCE } }]);
  assert.ok(text.includes('strongroom_gateway_source_acked_bytes{process="0",source="a\\"\\\\\\nb"} 3\n'));
});

test('what is no number is left out', () => {
  assert.equal(openMetrics([{ service: 'vault', index: 0, values: { a: Number.NaN, b: Number.POSITIVE_INFINITY } }]), '# EOF\n');
});

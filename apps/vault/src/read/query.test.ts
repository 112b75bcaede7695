// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BOUND_UNKNOWN, KIND, NO_KEY, type BatchRecord, type Context } from '@strongroom/evidence';
import { parseQuery } from './query.ts';

const context: Context = {
  kind: KIND.data, flags: 0, receivedAt: 100n, bound: BOUND_UNKNOWN, admittedAt: 101n, asserter: 'a', instance: Buffer.alloc(16), source: 'spiffe://d/source/web-01',
  sourceKey: NO_KEY, protocol: 'syslog-tls', peer: '', stream: Buffer.alloc(16, 7),
};
const record = (raw: string | Buffer): BatchRecord => ({ index: 0, context: Buffer.alloc(0), sequence: 0, raw: Buffer.from(raw) });

describe('query', () => {
  it('takes a source by name or by id, and times as half-open', () => {
    for (const source of ['web-01', 'spiffe://d/source/web-01']) assert.ok(parseQuery({ source }).context(context));
    assert.equal(parseQuery({ source: 'web-0' }).context(context), false);
    assert.equal(parseQuery({ since: '100', until: '101' }).context(context), true);
    assert.equal(parseQuery({ since: '101' }).context(context), false);
    assert.equal(parseQuery({ until: '100' }).context(context), false);
    assert.equal(parseQuery({ kind: 'end' }).context(context), false);
    assert.equal(parseQuery({ stream: '07'.repeat(16), protocol: 'syslog-tls' }).context(context), true);
  });

  it('finds bytes exactly, or in any case, or by expression', () => {
    assert.ok(parseQuery({ text: 'Failed' }).record(record('x Failed y')));
    assert.equal(parseQuery({ text: 'failed' }).record(record('x Failed y')), false);
    assert.ok(parseQuery({ text: 'failed', ignoreCase: true }).record(record('x FAILED y')));
    assert.ok(parseQuery({ regex: 'f.*y$' }).record(record('failed y')));
    assert.ok(parseQuery({ text: 'ä' }).record(record(Buffer.from([0xff, 0xc3, 0xa4, 0]))));
  });

  it('refuses what it cannot read, and says what', () => {
    for (const args of [{ text: 5 }, { limit: 0 }, { limit: 1.5 }, { kind: 'other' }, { since: 'yesterday' }, { regex: '(' }, { text: 'x'.repeat(5000) }]) {
      assert.throws(() => parseQuery(args), { code: 'read.query' }, JSON.stringify(args));
    }
  });
});

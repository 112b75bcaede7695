// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formsOf } from './sent-forms.ts';

const cases: readonly (readonly [raw: string, ...others: string[]])[] = [
  ['a plain line'],
  ['a plain line\n', 'a plain line'],
  ['a plain line\r\n', 'a plain line'],
  [''],
  ['\n', ''],
  ['<13>no header', 'no header'],
  ['<13>1 2026-03-01T00:00:00Z host app - - - message', '1 2026-03-01T00:00:00Z host app - - - message', 'message'],
  ['<13>1 2026-03-01T00:00:00Z host app - - -  message\n', '<13>1 2026-03-01T00:00:00Z host app - - -  message', '1 2026-03-01T00:00:00Z host app - - -  message', ' message', 'message'],
  ['<13>1 - - - - - [a b="c\\]d"][e@1 f="g"] \ufeffmäßig', '1 - - - - - [a b="c\\]d"][e@1 f="g"] \ufeffmäßig', 'mäßig'],
  ['<13>1 - - - - - -', '1 - - - - - -', ''],
  ['<34>Oct 11 22:14:15 mymachine su: \'su root\' failed', 'Oct 11 22:14:15 mymachine su: \'su root\' failed', '\'su root\' failed'],
  ['<13>Mar  1 08:00:00 host app[42]:  indented', 'Mar  1 08:00:00 host app[42]:  indented', ' indented', 'indented'],
  ['<13>2026-03-01T08:00:00+01:00 host logger: hello', '2026-03-01T08:00:00+01:00 host logger: hello', 'hello'],
  ['<13>Mar  1 08:00:00 host without a tag', 'Mar  1 08:00:00 host without a tag', 'without a tag'],
];

for (const [raw, ...others] of cases) {
  test(`the forms of ${JSON.stringify(raw)}`, () => {
    assert.deepEqual(formsOf(Buffer.from(raw)).map(String), [raw, ...others]);
  });
}

test('octets that are no text are left as they are, and a long header is none', () => {
  const raw = Buffer.from([0xff, 0x00, 0x0d, 0x0a]);
  assert.deepEqual(formsOf(raw), [raw, Buffer.from([0xff, 0x00])]);
  assert.equal(formsOf(Buffer.from(`<13>1 - - - - - [a b="${'x'.repeat(100_000)}"] text`)).length, 2);
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCall, verbPosition } from './parse.ts';
import { verb, type Verb } from './verb.ts';

const body = verb({
  examples: [],
  arguments: [
    { name: 'what', description: 'What', required: true, choices: ['one', 'other'] },
    { name: 'text', description: 'Text', required: false },
  ],
  options: {
    since: { kind: 'text', value: 'TIME', description: 'Since' },
    limit: { kind: 'count', value: 'N', unit: 'records', minimum: 1, maximum: 100, default: 10, description: 'Limit' },
    kind: { kind: 'text', value: 'KIND', choices: ['data', 'gap'], description: 'Kind' },
    force: { kind: 'flag', short: 'f', description: 'Force' },
  },
  run: async () => 0,
});
const probe: Verb = { name: 'probe', group: 'Tools', summary: 'For this test', ...body };
const parse = (...words: string[]) => parseCall(probe, words);

test('gives arguments and options with their types and defaults', () => {
  const { arguments: given, options } = parse('one', 'a b', '--since', '1h', '-f', '--limit=7', '-o', 'json');
  assert.deepEqual(given, { what: 'one', text: 'a b' });
  assert.deepEqual({ ...options }, { since: '1h', force: true, limit: 7, output: 'json', kind: undefined, home: undefined, config: undefined, help: false });
  assert.equal(parse('one').options['limit'], 10);
  assert.equal(parse('one').options['output'], 'table');
});

test('takes options before, between and after arguments, short and long, joined and apart', () => {
  for (const words of [['-ojson', 'one', 'x'], ['one', '-o', 'json', 'x'], ['one', 'x', '--output', 'json'], ['one', 'x', '--output=json']]) {
    const { arguments: given, options } = parse(...words);
    assert.deepEqual([given['text'], options['output']], ['x', 'json']);
  }
});

test('takes everything after -- as it is, and a value that begins with a hyphen', () => {
  assert.equal(parse('one', '--', '--since').arguments['text'], '--since');
  assert.equal(parse('one', '--since', '-1h').options['since'], '-1h');
});

test('finds the verb behind options of every verb, values included', () => {
  assert.equal(verbPosition(['status']), 0);
  assert.equal(verbPosition(['--home', '/x', '-o', 'json', 'status', '--since', '1h']), 4);
  assert.equal(verbPosition(['--home=/x', 'status']), 1);
  assert.equal(verbPosition(['--help']), undefined);
});

test('asks for no arguments where help is wanted', () => {
  assert.equal(parse('--help').options['help'], true);
});

const refusals: readonly (readonly [string, string[], string, RegExp])[] = [
  ['an unknown option', ['one', '--sinse', '1h'], 'usage.unknown-option', /did you mean --since\?/],
  ['an unknown short option', ['one', '-x'], 'usage.unknown-option', /goes after --/],
  ['an option without its value', ['one', '--since'], 'usage.option-value', /write --since TIME/],
  ['an option as the value of another', ['one', '--since', '--force'], 'usage.option-value', /write --since TIME/],
  ['a value for a flag', ['one', '--force=yes'], 'usage.option-value', /write --force alone/],
  ['a number that is none', ['one', '--limit', '1e2'], 'usage.option-value', /--limit 10/],
  ['a number out of range', ['one', '--limit', '101'], 'usage.option-value', /--limit 10/],
  ['a choice that is none', ['one', '--kind', 'gaps'], 'usage.option-value', /did you mean gap\?/],
  ['a format that is none', ['one', '-o', 'xml'], 'usage.option-value', /write -o table/],
  ['a missing argument', [], 'usage.argument', /help probe/],
  ['an argument that is no choice', ['othr'], 'usage.argument', /did you mean other\?/],
  ['too many arguments', ['one', 'failed', 'password'], 'usage.too-many-arguments', /quotation marks/],
];

for (const [name, words, code, fix] of refusals) {
  test(`refuses ${name}`, () => {
    assert.throws(() => parse(...words), (error: { code: string; why: string; fix: string }) => {
      assert.equal(error.code, code);
      assert.match(error.fix, fix);
      assert.ok(error.why.length > 0);
      return true;
    });
  });
}

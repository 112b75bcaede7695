// SPDX-License-Identifier: Apache-2.0
// Every `strongroom …` on a page is one that the command line takes: verb, options, their values, number of arguments.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandsIn, faultOf, mentionsIn, type Manual } from './page-commands.ts';
import { readPages, ROOT } from './pages.ts';

const manual = JSON.parse(execFileSync(process.execPath, [join(ROOT, 'apps/cli/src/main.ts'), 'help', '-o', 'json'], { encoding: 'utf8' })) as Manual;

test('every command on a page is one that the command line takes', () => {
  const faults = readPages().flatMap((page) => {
    const commands = [...commandsIn(page), ...mentionsIn(page).filter((words) => words.length > 1 || !isVerb(words[0]))];
    return commands.map((words) => ({ words, fault: faultOf(words, manual) })).filter(({ fault }) => fault !== undefined)
      .map(({ words, fault }) => `${page.path}: strongroom ${words.join(' ')}: ${fault}`);
  });
  assert.deepEqual(faults, []);
});

function isVerb(word: string | undefined): boolean {
  return manual.verbs.some(({ name }) => name === word);
}

test('the README shows how to enrol, search, prove and verify', () => {
  const verbs = readPages().filter(({ path }) => path === 'README.md').flatMap(commandsIn).map(([verb]) => verb);
  for (const verb of ['status', 'enrol', 'search', 'prove', 'verify-proof', 'verify']) assert.ok(verbs.includes(verb), verb);
});

const fault = (...words: string[]): string => faultOf(words, manual) ?? '';

test('finds mistaken verbs, options, values and arguments', () => {
  assert.match(fault('serach', 'x'), /no such verb/);
  assert.match(fault('search', '--form', 'x'), /no option --form/);
  assert.match(fault('search', '--kind', 'nothing'), /--kind cannot be nothing/);
  assert.match(fault('search', '--limit', 'many'), /--limit cannot be many/);
  assert.match(fault('search', 'two', 'words'), /2 arguments/);
  assert.match(fault('prove'), /0 arguments/);
  assert.match(fault('search', '--since'), /--since needs a value/);
  assert.equal(fault('search', 'failed password', '-i', '--since=1h', '-o', 'jsonl'), '');
});

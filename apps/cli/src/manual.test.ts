// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { completionScript, SHELLS } from './completion.ts';
import { exitCodes, overview, verbHelp } from './help.ts';
import { manual, MANUAL } from './manual.ts';
import { parseCall } from './parse.ts';
import { FORMATS, GLOBAL_OPTIONS, loaded } from './verb.ts';
import { VERBS as LISTED } from './verbs/index.ts';

const VERBS = await Promise.all(LISTED.map(loaded));

const plain = (_: unknown, text: string): string => text;

test('docs/CLI.md says what the verbs declare: node apps/cli/src/manual.ts writes it', () => {
  assert.equal(readFileSync(MANUAL, 'utf8'), manual(VERBS));
});

test('every verb has a name of its own, a summary, an example, and words for its exit codes', () => {
  assert.equal(new Set(VERBS.map(({ name }) => name)).size, VERBS.length);
  for (const verb of VERBS) {
    assert.match(verb.summary, /^[A-Z].*[^.]$/, verb.name);
    assert.ok(verb.examples.length > 0, verb.name);
    assert.ok(exitCodes(verb).every(([, meaning]) => meaning !== undefined), verb.name);
  }
});

test('no verb takes a name or a letter that every verb has', () => {
  const letters = new Set<string | undefined>(Object.values(GLOBAL_OPTIONS).map((option) => ('short' in option ? option.short : undefined)).filter(Boolean));
  for (const verb of VERBS) {
    for (const [name, option] of Object.entries(verb.options)) {
      assert.ok(!Object.hasOwn(GLOBAL_OPTIONS, name) && !letters.has(option.short), `${verb.name} --${name}`);
    }
  }
});

test('help names every verb, and of a verb every option, argument and exit code', () => {
  const all = overview(VERBS, plain);
  for (const verb of VERBS) {
    assert.ok(all.includes(`  ${verb.name} `), verb.name);
    const help = verbHelp(verb, plain);
    for (const name of Object.keys({ ...verb.options, ...GLOBAL_OPTIONS })) assert.ok(help.includes(`--${name}`), `${verb.name} --${name}`);
    for (const { name, choices } of verb.arguments) assert.ok(help.includes(choices?.join('|') ?? name.toUpperCase()), `${verb.name} ${name}`);
    for (const [code] of exitCodes(verb)) assert.match(help, new RegExp(`^  ${code} +\\w`, 'm'));
  }
});

test('no line of help is wider than 120 columns', () => {
  for (const text of [overview(VERBS, plain), ...VERBS.map((verb) => verbHelp(verb, plain))]) {
    for (const line of text.split('\n')) assert.ok(line.length <= 120, line);
  }
});

test('every example is a command that would be taken', () => {
  for (const verb of VERBS) {
    for (const { command } of verb.examples) {
      const [, words] = /strongroom (.*?)(?: \| .*| > .*|\).*)?$/.exec(command) ?? [];
      const [name, ...rest] = (words?.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
      assert.equal(name, verb.name, command);
      assert.doesNotThrow(() => parseCall(verb, rest), command);
    }
  }
});

test('completion scripts know every verb, option and choice', () => {
  for (const shell of SHELLS) {
    const script = completionScript(shell, VERBS);
    for (const verb of VERBS) {
      assert.ok(script.includes(verb.name), `${shell} ${verb.name}`);
      for (const name of Object.keys(verb.options)) assert.ok(script.includes(shell === 'fish' ? `-l ${name}` : `--${name}`), `${shell} --${name}`);
    }
    for (const format of FORMATS) assert.ok(script.includes(format), `${shell} ${format}`);
  }
});

test('bash takes its completion script and completes with it', () => {
  assert.deepEqual(ask('sea'), ['search']);
  assert.deepEqual(ask('search', '--ki'), ['--kind']);
  assert.deepEqual(ask('search', '--kind', 'g'), ['gap']);
  assert.deepEqual(ask('status', '-o', 'json'), ['json', 'jsonl']);
  assert.deepEqual(ask('config', 'ex'), ['explain']);
  assert.deepEqual(ask('help', 'verify-p'), ['verify-proof']);
});

/** What bash offers for the last of these words. */
function ask(...words: string[]): string[] {
  const script = `${completionScript('bash', VERBS)}\nCOMP_WORDS=(strongroom ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _strongroom; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trim().split('\n');
}

// SPDX-License-Identifier: Apache-2.0
// docs/CLI.md from the verbs' declarations: node apps/cli/src/manual.ts writes it, manual.test.ts holds it to them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, optionMeaning, usage } from './help.ts';
import { optionUsage } from './parse.ts';
import { EXIT_MEANING, GLOBAL_OPTIONS, GROUPS, loaded, type Options, type Verb } from './verb.ts';
import { VERBS } from './verbs/index.ts';

export const MANUAL: string = join(import.meta.dirname, '../../../docs/CLI.md');

/** The whole page. */
export function manual(verbs: readonly Verb[]): string {
  return `${[
    '<!-- Written by node apps/cli/src/manual.ts from the verbs themselves. Change those, not this page. -->',
    '# The strongroom command', '', ...INTRODUCTION, '', '## Exit codes', '',
    ...Object.entries(EXIT_MEANING).map(([code, meaning]) => `- \`${code}\` ${meaning}`), '',
    '## Options of every verb', '', ...optionRows(GLOBAL_OPTIONS), '', '## Verbs', '', ...index(verbs),
    ...verbs.flatMap(section),
  ].join('\n')}\n`;
}

const INTRODUCTION = [
  'Data goes to stdout, talk to stderr. With `-o json` a verb writes one JSON value, compact, its keys always in the same order;',
  'with `-o jsonl` lists have one value a line. An error is three lines: what happened with a code in brackets, why, and what to do;',
  'with `-o json` it is `{"error":{"code","what","why","fix"}}` on stderr. Colours appear on a terminal only, and `NO_COLOR` turns',
  'them off. What producers sent is never written raw to a terminal or a table: control characters appear as `\\e`, `\\x07` or `\\u202e`.',
  '',
  'Strongroom is looked for in `--home`, else `$STRONGROOM_HOME`, else `var/` in the project; its configuration is `--config`,',
  'else `$STRONGROOM_CONFIG`, else none: every key has a default.',
];

function index(verbs: readonly Verb[]): string[] {
  return GROUPS.flatMap((group) => {
    const members = verbs.filter((verb) => verb.group === group);
    return members.length === 0 ? [] : [`- ${group}: ${members.map(({ name }) => `[${name}](#${name})`).join(' · ')}`];
  });
}

function section(verb: Verb): string[] {
  return [
    '', `### ${verb.name}`, '', `${verb.summary}.`, '', '```', usage(verb), '```',
    ...(verb.details ?? []).flatMap((paragraph) => ['', escaped(paragraph)]),
    ...argumentRows(verb),
    ...(Object.keys(verb.options).length === 0 ? [] : ['', ...optionRows(verb.options)]),
    ...(verb.examples.length === 0 ? [] : ['', '```sh', ...verb.examples.flatMap(({ command, what }) => [`# ${what}`, command]), '```']),
    ...(verb.exitCodes === undefined ? [] : ['', `Exit codes: ${exitCodes(verb).map(([code, meaning]) => `${code} ${meaning}`).join(' · ')}.`]),
  ];
}

function argumentRows({ arguments: given }: Verb): string[] {
  const rows = given.map(({ name, description, choices }) => {
    const meaning = choices === undefined ? description : `${description} (${choices.join(', ')})`;
    return `| \`${name.toUpperCase()}\` | ${cell(meaning)} |`;
  });
  return rows.length === 0 ? [] : ['', '| argument | |', '|---|---|', ...rows];
}

function optionRows(options: Options): string[] {
  const rows = Object.entries(options).map(([name, option]) => `| \`${optionUsage(name, option)}\` | ${cell(optionMeaning(option))} |`);
  return ['| option | |', '|---|---|', ...rows];
}

function cell(text: string): string {
  return escaped(text).replaceAll('|', '\\|');
}

function escaped(text: string): string {
  return text.replaceAll('<', '&lt;');
}

if (import.meta.main) writeFileSync(MANUAL, manual(await Promise.all(VERBS.map(loaded))));

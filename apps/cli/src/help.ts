// SPDX-License-Identifier: Apache-2.0
// Help on the screen, from the verbs' declarations. docs/CLI.md comes from the same in manual.ts.
import { optionUsage } from './parse.ts';
import { factLines, wrap } from './table.ts';
import { EXIT_MEANING, GLOBAL_OPTIONS, GROUPS, type Heading, type Option, type Verb } from './verb.ts';
import type { Style } from './io.ts';

const WIDTH = 100;
type Paint = (style: Style, text: string) => string;

/** What `strongroom help` prints: every verb in its group. */
export function overview(verbs: readonly Heading[], paint: Paint): string {
  const width = Math.max(...verbs.map((verb) => verb.name.length)) + 2;
  const groups = GROUPS.flatMap((group) => {
    const members = verbs.filter((verb) => verb.group === group);
    return members.length === 0 ? [] : ['', paint('bold', group), ...members.map((verb) => `  ${verb.name.padEnd(width)}${verb.summary}`)];
  });
  return [
    'strongroom collects compliance evidence, seals it, and proves it.', '',
    'usage: strongroom VERB [ARGUMENT …] [OPTION …]', ...groups, '', paint('bold', 'Options of every verb'), ...optionLines(GLOBAL_OPTIONS), '',
    'See "strongroom help VERB" for one verb. "npm start" starts Strongroom.', '',
  ].join('\n');
}

/** What `strongroom help VERB` and `strongroom VERB --help` print. */
export function verbHelp(verb: Verb, paint: Paint): string {
  const part = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', paint('bold', title), ...lines]);
  return [
    `${verb.summary}.`, '', `usage: ${usage(verb)}`,
    ...(verb.details ?? []).flatMap((paragraph) => ['', ...wrap(paragraph, WIDTH)]),
    ...part('Arguments', factLines(verb.arguments.map(({ name, description, choices }) => [name.toUpperCase(), described(description, [choicesOf(choices)])]))),
    ...part('Options', optionLines(verb.options)),
    ...part('Options of every verb', optionLines(GLOBAL_OPTIONS)),
    ...part('Examples', verb.examples.flatMap(({ command, what }) => [`  ${command}`, `      ${what}`])),
    ...part('Exit codes', factLines(exitCodes(verb).map(([code, meaning]) => [String(code), meaning]))), '',
  ].join('\n');
}

/** `strongroom show ID [OPTION …]` */
export function usage(verb: Verb): string {
  const words = verb.arguments.map(({ name, required, choices }) => {
    const shown = choices?.join('|') ?? name.toUpperCase();
    return required ? shown : `[${shown}]`;
  });
  return ['strongroom', verb.name, ...words, '[OPTION …]'].join(' ');
}

/** Code and meaning, ascending. */
export function exitCodes(verb: Verb): [number, string][] {
  const own = verb.exitCodes ?? {};
  const codes = new Set([0, 1, 2, ...Object.keys(own).map(Number)]);
  return [...codes].toSorted((a, b) => a - b).map((code) => [code, own[code] ?? EXIT_MEANING[code]!]);
}

/** What an option means, with its choices, range, unit and default. */
export function optionMeaning(option: Option): string {
  if (option.kind === 'flag') return option.description;
  const range = option.kind === 'count' ? `${option.minimum} to ${option.maximum}${option.unit === undefined ? '' : ` ${option.unit}`}` : choicesOf(option.choices);
  return described(option.description, [range, option.default === undefined ? undefined : `default ${option.default}`]);
}

function choicesOf(choices: readonly string[] | undefined): string | undefined {
  return choices?.join(', ');
}

function described(description: string, facts: readonly (string | undefined)[]): string {
  const known = facts.filter((fact) => fact !== undefined);
  return known.length === 0 ? description : `${description} (${known.join('; ')})`;
}

function optionLines(options: Readonly<Record<string, Option>>): string[] {
  const usages = Object.entries(options).map(([name, option]) => [optionUsage(name, option), option] as const);
  const width = Math.max(0, ...usages.map(([shown]) => shown.length));
  return factLines(usages.map(([shown, option]) => [shown, wrap(optionMeaning(option), WIDTH - width - 4).join('\n')]));
}

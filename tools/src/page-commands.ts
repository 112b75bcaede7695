// SPDX-License-Identifier: Apache-2.0
// Commands as pages show them, and what is wrong with one by the command line's own account of itself.
import type { Page } from './pages.ts';

interface Option {
  readonly kind: 'flag' | 'text' | 'count';
  readonly short?: string;
  readonly choices?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Verb {
  readonly name: string;
  readonly arguments: readonly { readonly name: string; readonly required: boolean; readonly choices?: readonly string[] }[];
  readonly options: Readonly<Record<string, Option>>;
  /** That -o takes besides. */
  readonly formats?: readonly string[];
}

/** What `strongroom help -o json` says, as far as it is needed here. */
export interface Manual {
  readonly options: Readonly<Record<string, Option>>;
  readonly verbs: readonly Verb[];
}

const COMMAND = /(?:^|[\s("])(?:npx --no-install )?strongroom (?=[a-z-])(.*)$/;

/** The words after `strongroom`, of every command in `sh` blocks. */
export function commandsIn(page: Page): string[][] {
  return page.fences.filter(({ language }) => language === 'sh').flatMap((fence) => fence.lines).flatMap(wordsAfter);
}

/** The same of inline code, where a verb may stand without its arguments. */
export function mentionsIn(page: Page): string[][] {
  return page.spans.filter((span) => /(^|npx --no-install |\$\()strongroom /.test(span)).flatMap(wordsAfter);
}

function wordsAfter(text: string): string[][] {
  const rest = COMMAND.exec(text)?.[1];
  return rest === undefined ? [] : [wordsOf(rest)];
}

/** Words of a shell command up to where it ends: quotes are taken off, nothing else is understood. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/'([^']*)'|"([^"]*)"|(#.*|[|&;)>]|\d?>)|([^\s'"|&;)>]+)/g)) {
    const [, single, double, end, plain] = match;
    if (end !== undefined) break;
    words.push(single ?? double ?? plain ?? '');
  }
  return words;
}

/** What is wrong, in words; undefined when the command line takes it. */
export function faultOf([name = '', ...words]: readonly string[], manual: Manual): string | undefined {
  const verb = manual.verbs.find((one) => one.name === name);
  if (verb === undefined) return 'there is no such verb';
  const options: Readonly<Record<string, Option>> = { ...manual.options, output: withChoices(manual.options['output']!, verb.formats ?? []), ...verb.options };
  const given: string[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i]!;
    if (!/^-./.test(word)) {
      given.push(word);
      continue;
    }
    const [long, inline] = word.startsWith('--') ? word.slice(2).split('=') as [string, string?] : [Object.keys(options).find((one) => options[one]!.short === word.slice(1)) ?? word];
    const option = options[long];
    if (option === undefined) return `there is no option ${word}`;
    if (option.kind === 'flag') continue;
    const value = inline ?? words[i += 1];
    if (value === undefined) return `${word} needs a value`;
    if (!fits(option, value)) return `${word} cannot be ${value}`;
  }
  return argumentsFault(verb, given);
}

function withChoices(option: Option, more: readonly string[]): Option {
  return { ...option, choices: [...(option.choices ?? []), ...more] };
}

function fits({ kind, choices, minimum = 0, maximum = Infinity }: Option, value: string): boolean {
  if (kind === 'count') return /^\d+$/.test(value) && Number(value) >= minimum && Number(value) <= maximum;
  return choices === undefined || choices.includes(value);
}

function argumentsFault(verb: Verb, given: readonly string[]): string | undefined {
  const required = verb.arguments.filter((one) => one.required).length;
  if (given.length < required || given.length > verb.arguments.length) return `${given.length} arguments are given, it takes ${required} to ${verb.arguments.length}`;
  const wrong = given.find((word, i) => verb.arguments[i]?.choices?.includes(word) === false);
  return wrong === undefined ? undefined : `${wrong} is none of what it takes`;
}

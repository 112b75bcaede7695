// SPDX-License-Identifier: Apache-2.0
// From words to a call: node:util parseArgs over the declaration of a verb, with errors that say what was meant.
import { parseArgs } from 'node:util';
import { Refused } from '@strongroom/bytes';
import { nearest } from './suggest.ts';
import { GLOBAL_OPTIONS, optionsOf, type CountOption, type Option, type Options, type TextOption, type Verb } from './verb.ts';

export interface Parsed {
  readonly arguments: Record<string, string | undefined>;
  readonly options: Record<string, string | number | boolean | undefined>;
}

type Token = NonNullable<ReturnType<typeof tokenize>>[number];

/** Where the verb stands in the words; undefined when there is none. Only options of every verb may stand before it. */
export function verbPosition(words: readonly string[]): number | undefined {
  return tokenize(words, GLOBAL_OPTIONS).find((token) => token.kind === 'positional')?.index;
}

/**
 * The words after the verb taken out. Throws `Refused`: `usage.unknown-option`, `usage.option-value`, `usage.argument`,
 * `usage.too-many-arguments`.
 */
export function parseCall(verb: Verb, words: readonly string[]): Parsed {
  const options = optionsOf(verb);
  const given: Record<string, string | number | boolean | undefined> = {};
  const positionals: string[] = [];
  for (const token of tokenize(words, options)) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind === 'option') given[token.name] = optionValue(verb, options, token);
  }
  for (const [name, option] of Object.entries(options)) {
    given[name] ??= option.kind === 'flag' ? false : option.default;
  }
  // Whoever asks for help need not have given everything.
  return { arguments: given['help'] === true ? {} : takeArguments(verb, positionals), options: given };
}

function tokenize(words: readonly string[], options: Options) {
  const described = Object.entries(options).map(([name, option]) => [
    name, { type: option.kind === 'flag' ? 'boolean' as const : 'string' as const, ...(option.short === undefined ? {} : { short: option.short }) },
  ] as const);
  return parseArgs({ args: [...words], options: Object.fromEntries(described), allowPositionals: true, strict: false, tokens: true }).tokens;
}

function optionValue(verb: Verb, options: Options, token: Extract<Token, { kind: 'option' }>): string | number | boolean {
  const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (option === undefined) throw unknownOption(verb, options, token.rawName);
  if (option.kind === 'flag') {
    if (token.value !== undefined) throw wrongValue(verb, token.rawName, 'it takes no value', `write ${token.rawName} alone`);
    return true;
  }
  if (token.value === undefined || (token.inlineValue === false && isOption(options, token.value))) {
    throw wrongValue(verb, token.rawName, `it needs a value, ${option.value}, and none follows`, `write ${token.rawName} ${option.value}`);
  }
  return option.kind === 'count' ? countValue(verb, option, token.rawName, token.value) : textValue(verb, option, token.rawName, token.value);
}

/** `--since --until now`: the second is an option, not the first one's value. A value may still begin with a hyphen. */
function isOption(options: Options, word: string): boolean {
  return word.startsWith('--') && Object.hasOwn(options, word.slice(2).split('=')[0]!);
}

function textValue(verb: Verb, option: TextOption, name: string, value: string): string {
  if (option.choices === undefined || option.choices.includes(value)) return value;
  throw wrongValue(verb, name, `"${value}" is none of ${option.choices.join(', ')}`, meant(value, option.choices, `write ${name} ${option.choices[0]}`));
}

function countValue(verb: Verb, option: CountOption, name: string, value: string): number {
  const number = /^[0-9]{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= option.minimum && number <= option.maximum) return number;
  const unit = option.unit === undefined ? '' : ` ${option.unit}`;
  throw wrongValue(verb, name, `"${value}" is no whole number from ${option.minimum} to ${option.maximum}${unit}`, `write ${name} ${option.default ?? option.minimum}`);
}

function takeArguments(verb: Verb, words: readonly string[]): Record<string, string | undefined> {
  if (words.length > verb.arguments.length) throw tooMany(verb, words);
  return Object.fromEntries(verb.arguments.map(({ name, required, choices }, index) => {
    const word = words[index];
    const shown = name.toUpperCase();
    if (word === undefined && required) {
      throw new Refused('usage.argument', `strongroom ${verb.name} needs ${choices === undefined ? shown : choices.join('|')}`, {
        why: 'it is not given', fix: seeHelp(verb),
      });
    }
    if (word !== undefined && choices !== undefined && !choices.includes(word)) {
      throw new Refused('usage.argument', `strongroom ${verb.name} cannot take "${word}"`, {
        why: `it takes one of ${choices.join(', ')}`, fix: meant(word, choices, seeHelp(verb)),
      });
    }
    return [name, word];
  }));
}

function tooMany(verb: Verb, words: readonly string[]): Refused {
  const limit = verb.arguments.length;
  const takes = limit === 0 ? 'none' : verb.arguments.map(({ name }) => name.toUpperCase()).join(' ');
  return new Refused('usage.too-many-arguments', `strongroom ${verb.name} cannot take "${words[limit]}"`, {
    why: `${words.length} arguments are given, it takes ${takes}`,
    fix: limit === 0 ? seeHelp(verb) : 'put several words into quotation marks, or leave some out',
  });
}

function unknownOption(verb: Verb, options: Options, name: string): Refused {
  const known = Object.entries(options).flatMap(([long, { short }]) => [`--${long}`, ...(short === undefined ? [] : [`-${short}`])]);
  return new Refused('usage.unknown-option', `strongroom ${verb.name} has no option ${name}`, {
    why: `its options are ${known.filter((one) => one.startsWith('--')).join(', ')}`,
    fix: name.startsWith('--') ? meant(name, known, seeHelp(verb)) : `${seeHelp(verb)}; text that begins with a hyphen goes after --`,
  });
}

function wrongValue(verb: Verb, option: string, why: string, fix: string): Refused {
  return new Refused('usage.option-value', `strongroom ${verb.name} cannot take ${option} like this`, { why, fix });
}

function meant(word: string, known: Iterable<string>, otherwise: string): string {
  const near = nearest(word, known);
  return near === undefined ? otherwise : `did you mean ${near}?`;
}

function seeHelp(verb: Verb): string {
  return `see "strongroom help ${verb.name}"`;
}

/** For help: `-o, --output FORMAT`. */
export function optionUsage(name: string, option: Option): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  return `${short}--${name}${option.kind === 'flag' ? '' : ` ${option.value}`}`;
}

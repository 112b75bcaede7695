// SPDX-License-Identifier: Apache-2.0
// What a command declares of itself. Parsing, help, completion and docs/CLI.md all come from this one declaration; its heading
// stands in the table of verbs, so that only the verb that is called need be loaded.
import type { Layout } from '@strongroom/service/client';
import type { Io } from './io.ts';

export const EXIT = { ok: 0, failed: 1, usage: 2, evidence: 3, degraded: 4, configuration: 78 } as const;
/** What each exit code means where a verb says nothing else. */
export const EXIT_MEANING: Readonly<Record<number, string>> = {
  0: 'done', 1: 'failed', 2: 'used wrongly', 3: 'the evidence is not valid', 4: 'degraded', 78: 'the configuration is not valid',
};

export const FORMATS = ['table', 'json', 'jsonl'] as const;
/** Formats that a verb may have beside those. */
export type FurtherFormat = 'svg';
export type Format = (typeof FORMATS)[number] | FurtherFormat;

interface OptionFacts {
  readonly description: string;
  /** One letter, used as `-x`. */
  readonly short?: string;
}

export interface FlagOption extends OptionFacts {
  readonly kind: 'flag';
}

export interface TextOption extends OptionFacts {
  readonly kind: 'text';
  /** How the value is called in help, such as `FILE`. */
  readonly value: string;
  readonly default?: string;
  readonly choices?: readonly string[];
}

export interface CountOption extends OptionFacts {
  readonly kind: 'count';
  readonly value: string;
  /** Such as `days`. */
  readonly unit?: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly default?: number;
}

export type Option = FlagOption | TextOption | CountOption;
export type Options = Readonly<Record<string, Option>>;

export interface Argument {
  /** Lower case; shown in capitals. */
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly choices?: readonly string[];
}

export interface Example {
  readonly command: string;
  readonly what: string;
}

export const GROUPS = ['Service', 'Sources', 'Evidence', 'Retention', 'Verification', 'Tools'] as const;

export interface Heading {
  readonly name: string;
  readonly group: (typeof GROUPS)[number];
  /** One line, without a full stop. */
  readonly summary: string;
}

export interface Declaration<O extends Options = Options, A extends readonly Argument[] = readonly Argument[]> {
  /** Paragraphs of plain text. */
  readonly details?: readonly string[];
  readonly arguments: A;
  readonly options: O;
  /** Beside those that every verb has. */
  readonly formats?: readonly FurtherFormat[];
  readonly examples: readonly Example[];
  /** Codes that this verb can end with beside 0, 1 and 2. */
  readonly exitCodes?: Readonly<Record<number, string>>;
}

type Fallback<O, T> = O extends { readonly default: T } ? T : T | undefined;
type OptionValue<O> = O extends FlagOption ? boolean : O extends CountOption ? Fallback<O, number> : O extends TextOption ? Fallback<O, string> : never;

/** What a verb is given: its own arguments and options, and what every verb has. */
export interface Call<O extends Options = Options, A extends readonly Argument[] = readonly Argument[]> {
  readonly arguments: { readonly [K in A[number] as K['name']]: K['required'] extends true ? string : string | undefined };
  readonly options: { readonly [K in keyof O]: OptionValue<O[K]> };
  readonly format: Format;
  readonly paths: Layout;
  /** The configuration file, if one is named. */
  readonly configFile: string | undefined;
  readonly io: Io;
  /** Every verb, for help and completion. */
  readonly verbs: readonly ListedVerb[];
}

/** What a verb's own file says of it, its types forgotten. */
export interface VerbBody extends Declaration {
  /** Resolves with the exit code. */
  run(call: Call): Promise<number>;
}

/** As the table of verbs holds it. */
export interface ListedVerb extends Heading {
  load(): Promise<VerbBody>;
}

export interface Verb extends Heading, VerbBody {}

export async function loaded({ load, ...heading }: ListedVerb): Promise<Verb> {
  return { ...heading, ...await load() };
}

/** Ties a verb's `run` to the types of what it declares. */
export function verb<const O extends Options, const A extends readonly Argument[]>(
  declared: Declaration<O, A> & { readonly run: (call: Call<O, A>) => Promise<number> },
): VerbBody {
  return declared as unknown as VerbBody;
}

/** Options that every verb has. */
export const GLOBAL_OPTIONS = {
  output: {
    kind: 'text', short: 'o', value: 'FORMAT', default: 'table', choices: FORMATS,
    description: 'How data is written: for people, as one JSON value, or as one JSON value a line',
  },
  home: { kind: 'text', value: 'DIR', description: 'Where this Strongroom lives, instead of $STRONGROOM_HOME or var/ in the project' },
  config: { kind: 'text', value: 'FILE', description: 'Configuration file, instead of $STRONGROOM_CONFIG' },
  help: { kind: 'flag', short: 'h', description: 'Show help and do nothing' },
} as const satisfies Options;

/** All options of a verb: its own, and those that every verb has. */
export function optionsOf({ options, formats = [] }: Declaration): Options {
  return { ...GLOBAL_OPTIONS, output: { ...GLOBAL_OPTIONS.output, choices: [...FORMATS, ...formats] }, ...options };
}

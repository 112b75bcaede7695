// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { homeDirectory, layout } from '@strongroom/service/client';
import { overview, verbHelp } from './help.ts';
import { parseCall, verbPosition } from './parse.ts';
import { errorText, exitCodeOf } from './report.ts';
import { nearest } from './suggest.ts';
import { EXIT, FORMATS, loaded, type Call, type Format, type ListedVerb } from './verb.ts';
import type { Io } from './io.ts';

const PROJECT = join(import.meta.dirname, '../../..');

/** Runs one command and resolves with its exit code. Never rejects: errors are printed. */
export async function run(words: readonly string[], verbs: readonly ListedVerb[], io: Io): Promise<number> {
  try {
    const at = verbPosition(words);
    if (at === undefined) return await withoutVerb(words, verbs, io);
    const verb = verbNamed(words[at]!, verbs);
    return await perform(verb, words.toSpliced(at, 1), verbs, io);
  } catch (error) {
    await io.err.write(errorText(error, askedFormat(words), io.err));
    if (io.environment['STRONGROOM_DEBUG'] && error instanceof Error) await io.err.write(`${error.stack}\n`);
    return exitCodeOf(error);
  }
}

async function withoutVerb(words: readonly string[], verbs: readonly ListedVerb[], io: Io): Promise<number> {
  if (words.includes('--version') || words.includes('-V')) return perform(verbNamed('version', verbs), [], verbs, io);
  const asked = words.includes('--help') || words.includes('-h');
  const sink = asked ? io.out : io.err;
  await sink.write(overview(verbs, sink.style));
  return asked ? EXIT.ok : EXIT.usage;
}

/** Throws `Refused('usage.unknown-verb')`. */
export function verbNamed(name: string, verbs: readonly ListedVerb[]): ListedVerb {
  const found = verbs.find((verb) => verb.name === name);
  if (found !== undefined) return found;
  const near = nearest(name, verbs.map((verb) => verb.name));
  throw new Refused('usage.unknown-verb', `there is no verb "${name.slice(0, 60)}"`, {
    why: `the verbs are ${verbs.map((verb) => verb.name).join(', ')}`,
    fix: near === undefined ? 'see "strongroom help"' : `did you mean "strongroom ${near}"?`,
  });
}

async function perform(listed: ListedVerb, words: readonly string[], verbs: readonly ListedVerb[], io: Io): Promise<number> {
  const verb = await loaded(listed);
  const parsed = parseCall(verb, words);
  if (parsed.options['help'] === true) {
    await io.out.write(verbHelp(verb, io.out.style));
    return EXIT.ok;
  }
  const { output, home, config, help: _, ...options } = parsed.options;
  const call = {
    arguments: parsed.arguments, options, format: output as Format, io, verbs,
    paths: layout((home as string | undefined) ?? homeDirectory(PROJECT, io.environment)),
    configFile: (config as string | undefined) ?? (io.environment['STRONGROOM_CONFIG'] || undefined),
  };
  return verb.run(call as unknown as Call);
}

/** The wished format also when the words could not be parsed, because the error is to be written in it. */
function askedFormat(words: readonly string[]): Format {
  for (const [index, word] of words.entries()) {
    const value = /^(?:-o=?|--output=)(.+)$/.exec(word)?.[1] ?? (word === '-o' || word === '--output' ? words[index + 1] : undefined);
    const format = FORMATS.find((one) => one === value);
    if (format !== undefined) return format;
  }
  return 'table';
}

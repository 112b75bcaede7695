// SPDX-License-Identifier: Apache-2.0
// What a reader asks for, checked, and whether a record answers it.
import { Refused } from '@strongroom/bytes';
import { KIND, kindName, type BatchEntry, type BatchRecord, type Context, type KindName } from '@strongroom/evidence';
import { factsOf } from './filter.ts';
import { exactNeedle, regexNeedle, smallLettersNeedle, type Needle } from './needle.ts';

const TEXT_MAX = 4096;

export interface Query {
  readonly text?: string;
  readonly ignoreCase?: boolean;
  readonly regex?: string;
  /** ns, inclusive. */
  readonly since?: string;
  /** ns, exclusive. */
  readonly until?: string;
  readonly source?: string;
  readonly stream?: string;
  readonly protocol?: string;
  readonly kind?: KindName;
  readonly limit?: number;
  /** The newest first. */
  readonly reverse?: boolean;
}

/** `context` and `record` decide; all else only tells sooner where nothing can match. */
export interface Matcher {
  readonly limit: number;
  readonly reverse: boolean;
  /** Whether it matters when a record was received. */
  readonly isTimed: boolean;
  /** Whether any record can match that was received from `from` to `to`. */
  readonly times: (from: bigint, to: bigint) => boolean;
  /** Whether any record of the batch can match, by its manifest alone. */
  readonly entry: (entry: Pick<BatchEntry, 'from' | 'to'>) => boolean;
  /** What the context of every match has, as filters know it. */
  readonly facts: readonly number[];
  /** Octets that stand in the context of every match; null when nothing is known of them. */
  readonly contextPart: Buffer | null;
  /** Whether the runs of a context can match. */
  readonly context: (context: Context) => boolean;
  /** Null when every record may match. */
  readonly needle: Needle | null;
  readonly record: (record: BatchRecord) => boolean;
  /** The same for a record as text; null when octets are looked at, or none. */
  readonly text: ((text: string) => boolean) | null;
}

/** Throws `Refused('read.query')`. */
export function parseQuery(args: unknown): Matcher {
  const query = check(args);
  const [since, until] = [timeOf(query.since), timeOf(query.until)];
  const times = (from: bigint, to: bigint): boolean => (since === null || to >= since) && (until === null || from < until);
  return {
    limit: query.limit ?? Number.POSITIVE_INFINITY, reverse: query.reverse ?? false, isTimed: since !== null || until !== null,
    times, entry: ({ from, to }) => times(from, to),
    facts: factsOf(query),
    contextPart: query.source === undefined ? null : Buffer.from(query.source),
    context: (context) => (since === null || context.receivedAt >= since) && (until === null || context.receivedAt < until)
      && (query.source === undefined || isSource(context.source, query.source))
      && (query.stream === undefined || context.stream.toString('hex') === query.stream)
      && (query.protocol === undefined || context.protocol === query.protocol)
      && (query.kind === undefined || kindName(context) === query.kind),
    ...content(query),
  };
}

const STRINGS = ['text', 'regex', 'since', 'until', 'source', 'stream', 'protocol', 'kind'] as const;

function check(args: unknown): Query {
  const query = (args ?? {}) as Record<string, unknown>;
  for (const name of STRINGS) {
    const value = query[name];
    if (value !== undefined && (typeof value !== 'string' || value.length > TEXT_MAX)) throw refused(`"${name}" must be text of at most ${TEXT_MAX} characters`);
  }
  if (query['limit'] !== undefined && !(Number.isSafeInteger(query['limit']) && Number(query['limit']) > 0)) throw refused('"limit" must be a whole number above 0');
  for (const name of ['ignoreCase', 'reverse']) if (query[name] !== undefined && typeof query[name] !== 'boolean') throw refused(`"${name}" must be true or false`);
  if (query['kind'] !== undefined && !Object.hasOwn(KIND, query['kind'] as string)) throw refused(`"kind" must be one of ${Object.keys(KIND).join(', ')}`);
  return query as Query;
}

function timeOf(text: string | undefined): bigint | null {
  if (text === undefined) return null;
  if (!/^[0-9]{1,19}$/.test(text)) throw refused('times are nanoseconds since 1970');
  return BigInt(text);
}

/** By full SPIFFE ID or by its last part. */
function isSource(id: string, wanted: string): boolean {
  return id === wanted || id.slice(id.lastIndexOf('/') + 1) === wanted;
}

type Content = Pick<Matcher, 'needle' | 'record' | 'text'>;

function content({ text, ignoreCase = false, regex }: Query): Content {
  if (regex !== undefined) {
    const expression = compile(regex, ignoreCase ? 'i' : '');
    return byText((decoded) => expression.test(decoded), regexNeedle(regex, ignoreCase));
  }
  if (text === undefined || text === '') return { needle: null, record: () => true, text: null };
  if (ignoreCase) {
    const small = text.toLowerCase();
    return byText((decoded) => decoded.toLowerCase().includes(small), smallLettersNeedle(text));
  }
  const octets = Buffer.from(text);
  return { needle: exactNeedle(octets), record: ({ raw }) => raw.includes(octets), text: null };
}

function byText(wanted: (text: string) => boolean, needle: Needle | null): Content {
  return { needle, record: ({ raw }) => wanted(raw.toString('utf8')), text: wanted };
}

function compile(regex: string, flags: string): RegExp {
  try {
    return new RegExp(regex, flags);
  } catch (cause) {
    throw new Refused('read.query', 'the regular expression does not compile', { why: (cause as Error).message, fix: 'use the syntax of JavaScript', cause });
  }
}

function refused(why: string): Refused {
  return new Refused('read.query', 'the query cannot be read', { why, fix: 'see "strongroom search --help"' });
}


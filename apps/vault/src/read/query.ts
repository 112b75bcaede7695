// SPDX-License-Identifier: Apache-2.0
// What a reader asks for, checked, and whether a record answers it.
import { Refused } from '@strongroom/bytes';
import { KIND, kindName, type BatchEntry, type BatchRecord, type Context, type KindName } from '@strongroom/evidence';

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
}

export interface Matcher {
  readonly limit: number;
  /** Whether any record of the batch can match, by its manifest alone. */
  readonly entry: (entry: BatchEntry) => boolean;
  /** Whether the runs of a context can match. */
  readonly context: (context: Context) => boolean;
  readonly record: (record: BatchRecord) => boolean;
}

/** Throws `Refused('read.query')`. */
export function parseQuery(args: unknown): Matcher {
  const query = check(args);
  const [since, until] = [timeOf(query.since), timeOf(query.until)];
  return {
    limit: query.limit ?? Number.POSITIVE_INFINITY,
    entry: ({ from, to }) => (since === null || to >= since) && (until === null || from < until),
    context: (context) => (since === null || context.receivedAt >= since) && (until === null || context.receivedAt < until)
      && (query.source === undefined || isSource(context.source, query.source))
      && (query.stream === undefined || context.stream.toString('hex') === query.stream)
      && (query.protocol === undefined || context.protocol === query.protocol)
      && (query.kind === undefined || kindName(context) === query.kind),
    record: textMatcher(query),
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

function textMatcher({ text, ignoreCase, regex }: Query): (record: BatchRecord) => boolean {
  if (regex !== undefined) {
    const expression = compile(regex, ignoreCase === true ? 'i' : '');
    return ({ raw }) => expression.test(raw.toString('utf8'));
  }
  if (text === undefined || text === '') return () => true;
  if (ignoreCase === true) {
    const lower = text.toLowerCase();
    return ({ raw }) => raw.toString('utf8').toLowerCase().includes(lower);
  }
  const bytes = Buffer.from(text);
  return ({ raw }) => raw.includes(bytes);
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


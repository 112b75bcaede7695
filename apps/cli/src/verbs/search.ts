// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { openReader } from '../connections.ts';
import { askedSource, ItemRows, itemsOf } from '../items.ts';
import { writeStream } from '../output.ts';
import { printable } from '../printable.ts';
import { some } from '../quantity.ts';
import { parseTime } from '../time.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import { IDENTITY_OPTION, SOURCE_OPTION } from './reading.ts';

export const KINDS = ['data', 'cut', 'end', 'event', 'gap'] as const;

const options = {
  since: { kind: 'text', value: 'TIME', description: 'Received at or after: a time before now (90s, 15m, 1h, 2d, 1w) or RFC 3339' },
  until: { kind: 'text', value: 'TIME', description: 'Received before, written in the same way' },
  source: SOURCE_OPTION,
  stream: { kind: 'text', value: 'HEX', description: 'Of one stream, as 32 hexadecimal digits' },
  protocol: { kind: 'text', value: 'NAME', description: 'By one protocol, such as syslog-tls or kmsg' },
  kind: { kind: 'text', value: 'KIND', choices: KINDS, description: 'Of one kind' },
  'ignore-case': { kind: 'flag', short: 'i', description: 'Take capital and small letters as the same' },
  regex: { kind: 'flag', short: 'E', description: 'TEXT is a regular expression (ECMAScript), not the text itself' },
  reverse: { kind: 'flag', short: 'r', description: 'The newest first, from the end of the log backwards' },
  limit: { kind: 'count', value: 'N', unit: 'records', minimum: 1, maximum: 1_000_000_000, description: 'Stop after so many; all if not given' },
  identity: IDENTITY_OPTION,
} as const;

type SearchCall = Call<typeof options, readonly [{ readonly name: 'text'; readonly description: string; readonly required: false }]>;

export const search = verb({
  details: [
    'Finds every record that contains TEXT, exactly as written, in the order in which the log holds them. Without TEXT '
      + 'every record matches. All conditions must hold. There is no limit unless one is given.',
    'A time reads only what was received then, however long the log is. With -r the newest comes first; together with '
      + '--limit that gives the last records without looking through all.',
    'What is damaged, or has lost its key, is passed over: standard error says which segments and entries of the log that were, and why.',
    'Reading evidence needs the right of a reader, and is itself recorded.',
  ],
  arguments: [{ name: 'text', description: 'Text to look for in the record as it was received', required: false }],
  options,
  examples: [
    { command: "strongroom search 'failed password' --since 1h --source web-01", what: "One source's last hour" },
    { command: "strongroom search -o jsonl --since 2026-03-01 --until 2026-04-01 | jq -r .raw", what: 'A month, as it was received' },
    { command: "strongroom search -E 'user=(root|admin)' -i --limit 20", what: 'By a regular expression' },
    { command: "strongroom search -r --limit 10 'session opened'", what: 'The last ten' },
    { command: 'strongroom search --kind gap', what: 'Where records are missing' },
  ],
  exitCodes: { 4: 'not all could be looked at' },
  async run(call) {
    const conditions = searchConditions(call);
    const { client, deployment } = await openReader(call.paths, call.options.identity);
    try {
      const { source } = call.options;
      const found = client.stream('search', { ...conditions, ...(source === undefined ? {} : { source: askedSource(source, deployment) }) }, call.io.out.closed);
      const rows = new ItemRows(call.io.out);
      const ended: { result?: unknown } = {};
      const written = await writeStream(call, itemsOf(keepingResult(found, ended)), (item) => rows.row(item));
      await tellDestroyed(call, ended.result);
      const isWhole = await tellUnread(call, ended.result);
      if (call.format === 'table' && call.io.err.isTerminal) await call.io.err.write(`${written === 0 ? 'no record' : some(written, 'record')} found\n`);
      return isWhole ? EXIT.ok : EXIT.degraded;
    } finally {
      client.close();
    }
  },
});

/** What a loop over the items would drop. */
export async function* keepingResult(found: AsyncGenerator<unknown, unknown>, ended: { result?: unknown }): AsyncGenerator<unknown> {
  ended.result = yield* found;
}

/** That something is gone is said, though nobody can tell whether it would have answered. */
async function tellDestroyed({ io }: Pick<SearchCall, 'io'>, result: unknown): Promise<void> {
  const { records = 0, batches = 0 } = (result as { destroyed?: { records?: number; batches?: number } } | null | undefined)?.destroyed ?? {};
  if (batches > 0) await io.err.write(`${io.err.style('yellow', '!')} ${some(records, 'record')} of this time were destroyed by order of two custodians, and could not be looked at\n`);
}

interface Unread {
  readonly batches: number;
  readonly records: number;
  /** The first few. */
  readonly segments: readonly { readonly segment: string; readonly batches: number; readonly records: number; readonly code: string; readonly why: string }[];
  /** Entries of the log, and the first few places. */
  readonly entries: number;
  readonly log: readonly { readonly first: number; readonly count: number; readonly code: string; readonly why: string }[];
}

/** Whether all was looked at. Else it is said what was not: by segment and place in the log, or as one line of JSON. */
export async function tellUnread({ io, format }: Pick<SearchCall, 'io' | 'format'>, result: unknown): Promise<boolean> {
  const unread = (result as { unread?: Unread } | null | undefined)?.unread;
  if (unread === undefined || unread.batches + unread.entries === 0) return true;
  const text = [...unreadSegments(unread), ...unreadLog(unread)].map((line) => (line.startsWith(' ') ? line : `${io.err.style('yellow', '!')} ${line}`));
  await io.err.write(format === 'table' ? `${[...text, '  do:  run "strongroom verify"'].join('\n')}\n` : `${JSON.stringify({ unread })}\n`);
  return false;
}

function unreadSegments({ batches, records, segments }: Unread): string[] {
  if (batches === 0) return [];
  const isMore = segments.reduce((sum, one) => sum + one.batches, 0) < batches;
  return [
    `${some(records, 'record')} in ${some(batches, 'batch', 'batches')} could not be looked at:`,
    ...segments.map((one) => `  ${one.segment}: ${some(one.records, 'record')} in ${some(one.batches, 'batch', 'batches')}: ${printable(one.why)} [${one.code}]`), ...(isMore ? ['  and more segments'] : []),
  ];
}

/** What a lost entry was about, how many records and of which time, nobody can tell. */
function unreadLog({ entries, log }: Unread): string[] {
  if (entries === 0) return [];
  const isMore = log.reduce((sum, one) => sum + one.count, 0) < entries;
  return [
    `${some(entries, 'entry', 'entries')} of the log could not be read, and with them no batch that they name:`,
    ...log.map((one) => `  from ${one.first}: ${some(one.count, 'entry', 'entries')}: ${printable(one.why)} [${one.code}]`), ...(isMore ? ['  and more places'] : []),
  ];
}

/** Arguments of the vault's `search`, without the source. Throws `Refused`: `usage.time`, `usage.stream`, `usage.regex`. */
export function searchConditions(call: Pick<SearchCall, 'arguments' | 'options' | 'io'>): Record<string, unknown> {
  const { options: given, arguments: { text } } = call;
  const now = call.io.now();
  const [since, until] = [given.since, given.until].map((time) => (time === undefined ? undefined : parseTime(time, now)));
  if (since !== undefined && until !== undefined && since >= until) {
    throw new Refused('usage.time', 'there is no time between --since and --until', {
      why: `--since ${given.since} is not before --until ${given.until}`, fix: 'exchange them',
    });
  }
  const conditions = {
    ...(given.regex ? { regex: checkedRegex(text) } : { text }), ignoreCase: given['ignore-case'] || undefined,
    since: since?.toString(), until: until?.toString(), stream: given.stream === undefined ? undefined : checkedStream(given.stream),
    protocol: given.protocol, kind: given.kind, reverse: given.reverse || undefined, limit: given.limit,
  };
  return Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== undefined));
}

function checkedRegex(text: string | undefined): string {
  if (text === undefined) {
    throw new Refused('usage.regex', '--regex needs TEXT', {
      why: 'no expression is given', fix: "write for example: strongroom search -E 'user=(root|admin)'",
    });
  }
  try {
    void new RegExp(text);
    return text;
  } catch (error) {
    throw new Refused('usage.regex', `"${text.slice(0, 100)}" is no regular expression`, {
      why: (error as Error).message, fix: 'correct it, or leave out --regex to look for the text itself',
    });
  }
}

function checkedStream(stream: string): string {
  if (/^[0-9a-f]{32}$/i.test(stream)) return stream.toLowerCase();
  throw new Refused('usage.stream', `"${stream.slice(0, 100)}" is no stream`, {
    why: 'a stream is 32 hexadecimal digits', fix: 'take it from "strongroom show ID"',
  });
}

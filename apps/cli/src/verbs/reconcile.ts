// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { parseVkey } from '@strongroom/evidence';
import { openReader } from '../connections.ts';
import { askedSource } from '../items.ts';
import { writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { count, some } from '../quantity.ts';
import { compare, type Counts, type Items } from '../reconcile/compare.ts';
import { DISTINCT_MAX } from '../reconcile/digest-table.ts';
import { LIST_KINDS, ListFile, type Line, type ListKind } from '../reconcile/list.ts';
import { storeBatches, storeForms, storeSize } from '../reconcile/store-items.ts';
import { FileStore } from '../store/file-store.ts';
import { factLines } from '../table.ts';
import { parseTime } from '../time.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import { homeVkey } from '../vkey.ts';
import { IDENTITY_OPTION, SOURCE_OPTION } from './reading.ts';
import type { Style } from '../io.ts';

const SHOWN_MAX = 20;
const KEPT_MAX = 10_000;

const options = {
  as: { kind: 'text', value: 'KIND', choices: LIST_KINDS, description: 'What the list holds; told by its first lines if not given' },
  since: { kind: 'text', value: 'TIME', description: 'Look at records received at or after: a time before now (15m, 2d) or RFC 3339' },
  until: { kind: 'text', value: 'TIME', description: 'Look at records received before, written in the same way' },
  source: SOURCE_OPTION,
  store: { kind: 'text', value: 'DIR', description: "Look into a snapshot instead of asking the vault; lines and hashes need this home's keys" },
  missing: { kind: 'text', value: 'FILE', description: 'Write all lines of the list that are missing to a file' },
  identity: IDENTITY_OPTION,
} as const;

type ReconcileCall = Call<typeof options, readonly [{ readonly name: 'file'; readonly description: string; readonly required: true }]>;

interface MissingLine {
  /** From 1, in the list. */
  readonly line: number;
  readonly text: string;
}

interface Reconciled extends Counts {
  readonly as: ListKind;
  /** The first of them. */
  readonly missingLines: readonly MissingLine[];
}

export const reconcile = verb({
  details: [
    'FILE has a line for each record that was sent: its id from a receipt (42-7), the SHA-256 of its octets (as sha256sum prints '
      + 'it, or alone), or the record itself. A line stands for one record: three equal lines want three records.',
    'A plain line is found where it is, octet for octet: the whole record; the record without the line end behind it; without '
      + 'the priority before it (<13>); the message after a header of RFC 5424 or RFC 3164; or that without one space before it. So a '
      + 'log file of lines that logger or rsyslog sent can be given as it is. Empty lines count for nothing. Of a record that was cut the '
      + 'SHA-256 of the whole is known, and finds it.',
    `At most ${DISTINCT_MAX.toLocaleString('en-US')} different lines are compared at once, in about 400 MiB. The list never leaves this command; reading evidence needs the right `
      + 'of a reader, and is itself recorded.',
  ],
  arguments: [{ name: 'file', description: 'The list, or - for stdin', required: true }],
  options,
  examples: [
    { command: 'strongroom reconcile /var/log/app.log --source web-01 --since 2026-03-01 --until 2026-03-02', what: "A day's log file of the sender" },
    { command: 'strongroom reconcile receipts.txt', what: 'Ids from receipts' },
    { command: 'strongroom reconcile app.log --store /backup/2026-03-01', what: 'Against a snapshot, with no service running' },
    { command: 'sha256sum messages/* | strongroom reconcile - --missing lost.txt', what: 'Hashes; all that is missing goes to a file' },
  ],
  exitCodes: { 3: 'something on the list is not in the log' },
  async run(call) {
    const range = timeRange(call);
    const list = await ListFile.open(call.arguments.file);
    try {
      const kind = (call.options.as as ListKind | undefined) ?? list.guess();
      if (kind === 'ids' && call.options.source !== undefined) throw idsNeedNoSource();
      const answer = await reconciled(call, kind, list, range);
      await writeValue(call, answer, () => reconcileLines(answer, call.options.missing, call.io.out.style));
      return answer.missing > 0 ? EXIT.evidence : EXIT.ok;
    } finally {
      list.close();
    }
  },
});

interface Asked {
  readonly items: Items;
  close(): void;
}

async function askVault({ paths, options: { identity, source } }: ReconcileCall, kind: ListKind, range: Range): Promise<Asked> {
  const { client, deployment } = await openReader(paths, identity);
  const asked = { as: kind === 'ids' ? 'ids' : 'forms', ...range, ...(source === undefined ? {} : { source: askedSource(source, deployment) }) };
  return { items: client.stream('reconcile', asked), close: () => client.close() };
}

/** Throws `Failed('reconcile.no-keys')`. */
async function openStore({ paths, configFile, options: { source } }: ReconcileCall, directory: string, kind: ListKind, range: Range): Promise<Asked> {
  const store = new FileStore(resolve(directory));
  storeSize(store);
  if (kind === 'ids') return { items: storeBatches(store), close: () => store.close() };
  const { findDataKeys } = await import('../store/data-keys.ts');
  const { name: origin } = parseVkey(homeVkey(paths));
  const keys = await findDataKeys(paths, origin, configFile);
  if ('missing' in keys) throw new Failed('reconcile.no-keys', 'the snapshot cannot be read here', { why: keys.missing, fix: 'run the command in the home that sealed it, with its keys; ids need none' });
  const wanted = { ...range, ...(source === undefined ? {} : { source: askedSource(source, origin.slice(0, -'/log'.length)) }) };
  return { items: storeForms(store, keys.dataKeys, wanted), close: () => store.close() };
}

async function reconciled(call: ReconcileCall, kind: ListKind, list: ListFile, range: Range): Promise<Reconciled> {
  const { store, missing: file } = call.options;
  const asked = store === undefined ? await askVault(call, kind, range) : await openStore(call, store, kind, range);
  const out = file === undefined ? undefined : openSync(file, 'w', 0o600);
  const missingLines: MissingLine[] = [];
  const missing = ({ number, bytes }: Line): void => {
    if (out !== undefined) writeSync(out, Buffer.concat([bytes, Buffer.from('\n')]));
    if (missingLines.length < KEPT_MAX) missingLines.push({ line: number, text: bytes.toString('utf8') });
  };
  try {
    const counts = await compare(kind, list, asked.items, missing);
    return { as: kind, ...counts, missingLines };
  } finally {
    if (out !== undefined) closeSync(out);
    asked.close();
  }
}

interface Range {
  readonly since?: string;
  readonly until?: string;
}

/** Throws `Refused('usage.time')`. */
function timeRange({ options: { since, until }, io }: ReconcileCall): Range {
  const now = io.now();
  return {
    ...(since === undefined ? {} : { since: parseTime(since, now).toString() }), ...(until === undefined ? {} : { until: parseTime(until, now).toString() }),
  };
}

function idsNeedNoSource(): Refused {
  return new Refused('usage.reconcile', 'ids are compared without --source', { why: 'an id names one record of the whole log', fix: 'leave out --source, or say with --as what the list holds' });
}

const NOUN: Readonly<Record<ListKind, string>> = { ids: 'id', hashes: 'hash', lines: 'line' };

export function reconcileLines({ as, listed, found, missing, surplus, unreadRecords, unreadWhy, missingLines }: Reconciled, file: string | undefined, style: (style: Style, text: string) => string): string[] {
  const shown = missingLines.slice(0, SHOWN_MAX);
  const left = missing - shown.length;
  return [
    missing === 0 ? `${style(['bold', 'green'], 'ALL THERE')}  every ${NOUN[as]} on the list is in the log.` : `${style(['bold', 'red'], 'MISSING')}  ${count(missing)} of ${some(listed, NOUN[as], as === 'hashes' ? 'hashes' : undefined)} on the list are not in the log.`,
    '',
    ...factLines([
      ['listed', count(listed)], ['found', count(found)], ['missing', count(missing)],
      ...((surplus ?? 0) === 0 ? [] : [['beyond', `${some(surplus ?? 0, 'record')} more of what is listed, perhaps sent again`] as const]),
      ...(unreadRecords === 0 ? [] : [['not compared', `${some(unreadRecords, 'record')} that cannot be read: ${printable(unreadWhy ?? '')}`] as const]),
    ]),
    ...(shown.length === 0 ? [] : ['', ...shown.map(({ line, text }) => `${style('dim', `${line}:`)} ${printable(text)}`)]),
    ...(left > 0 ? [`… and ${count(left)} more${file === undefined ? '; --missing FILE writes all' : ''}`] : []),
    ...(file === undefined || missing === 0 ? [] : [`All that is missing stands in ${file}.`]),
  ];
}

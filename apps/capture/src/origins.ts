// SPDX-License-Identifier: Apache-2.0
// What is read from this host, as configured. What cannot be read is said, and the rest goes on.
import { Failed } from '@strongroom/bytes';
import { errorFields, type ServiceContext } from '@strongroom/service';
import { Elsewhere } from './audit/elsewhere.ts';
import { Attribution } from './attribution/attribution.ts';
import { AuditOrigin, steadyMs } from './audit/origin.ts';
import { Own } from './audit/own.ts';
import { clockCalls } from './ebpf/clock-calls.ts';
import { EbpfOrigin } from './ebpf/origin.ts';
import type { EventName, Say } from './events.ts';
import type { Feed } from './feed.ts';
import { FilesOrigin } from './files/origin.ts';
import type { Host } from './host.ts';
import { Journal } from './journal/journal.ts';
import { kmsgDevice } from './kmsg/device.ts';
import { Kmsg } from './kmsg/kmsg.ts';
import { startReaderFeed, type ReaderFeedOptions } from './reader/feed.ts';
import { Reconciliation, type Watcher } from './reconcile/reconciliation.ts';
import type { LocalStream } from './stream.ts';
import { everyMinute, sumsOf } from './sums.ts';

export interface Facts {
  readonly context: ServiceContext;
  readonly host: Host;
  readonly feed: Feed;
  /** A new stream of a protocol. */
  readonly open: (protocol: string) => LocalStream;
  readonly say: Say;
}

/** One that runs. */
export interface Running {
  readonly stream: LocalStream;
  /** Resolves at the stop, or before when it can go no further. */
  readonly over: Promise<void>;
  /** What its tally does not say, for `stats`. */
  values?(): Record<string, number>;
}

/** Readers can connect before it returns. */
export async function startOrigins(facts: Facts): Promise<readonly Running[]> {
  const { host: { boot }, feed, say } = facts;
  const { who, native } = await startNative(facts);
  const isHad = native.find((one) => one.isHad !== undefined)?.isHad;
  const elsewhere = isHad === undefined ? null : new Elsewhere({ boot, feed, say, isHad });
  const files = await startFiles(facts);
  return [...startKmsg(facts, elsewhere), ...startJournal(facts, elsewhere), ...native, ...[who, files].filter((one) => one !== null)];
}

/** The audit and eBPF, and who is behind their events; where both are wanted, what they tell of executions is compared. */
async function startNative(facts: Facts): Promise<{ who: RunningAttribution | null; native: Native[] }> {
  const { context: { config: { capture }, stop }, feed, say } = facts;
  const watchers = { audit: nobody, ebpf: nobody };
  const reconciliation = capture.audit.enabled && capture.ebpf.enabled ? new Reconciliation({ say, watchers, isHeld: () => feed.isHeld }) : null;
  const who = await startAttribution(facts, () => watchers.ebpf().reading);
  const [audit, ebpf] = [await startAudit(facts, reconciliation, who), await startEbpf(facts, reconciliation, who)];
  if (audit !== null) watchers.audit = audit.watcher;
  if (ebpf !== null) watchers.ebpf = ebpf.watcher;
  reconciliation?.start(stop);
  return { who, native: [audit, ebpf].filter((one) => one !== null) };
}

type RunningAttribution = Running & { readonly attribution: Attribution };

/** Who is behind the events of both, where one is wanted. */
async function startAttribution({ context: { config: { capture }, stop }, feed, open }: Facts, isWatched: () => boolean): Promise<RunningAttribution | null> {
  if (!capture.audit.enabled && !capture.ebpf.enabled) return null;
  const stream = open('process');
  const tell = (lines: readonly string[]): void => feed.add(stream.take(lines.map((line) => ({ raw: Buffer.from(line) }))));
  const attribution = new Attribution({ tell, isHeld: () => feed.isHeld, isWatched });
  await attribution.start(stop);
  const over = new Promise<void>((resolve) => { stop.addEventListener('abort', () => resolve(), { once: true }); });
  return { stream, over, values: () => attribution.values(), attribution };
}

const nobody = (): Watcher => ({ reading: false, readings: 0, lost: 0 });

function* startKmsg({ context, feed, open, say }: Facts, elsewhere: Elsewhere | null): Generator<Running> {
  if (!context.config.capture.kmsg) return;
  if (context.kmsgFd === null) return say('kmsg.absent', { why: 'the supervisor may not read /dev/kmsg', fix: 'start Strongroom as root' });
  const stream = open('kmsg');
  const kmsg = new Kmsg({ read: kmsgDevice(context.kmsgFd), feed, stream, recordBytesMax: context.config.gateway.maxRecordBytes, elsewhere });
  const over = kmsg.run(context.stop).catch((error: unknown) => {
    if (!(error instanceof Failed)) throw error;
    say('kmsg.failed', errorFields(error));
  });
  yield { stream, over: withSums({ event: 'kmsg.ledger', protocol: 'kmsg', context, feed, stream, over, elsewhere }) };
}

function* startJournal({ context, host, feed, open, say }: Facts, elsewhere: Elsewhere | null): Generator<Running> {
  const { enabled, directory } = context.config.capture.journal;
  if (!enabled) return;
  const stream = open('journal');
  const journal = new Journal({ directory, host, feed, stream, say, recordBytesMax: context.config.gateway.maxRecordBytes, elsewhere });
  yield { stream, over: withSums({ event: 'journal.ledger', protocol: 'journal', context, feed, stream, over: journal.run(context.stop), elsewhere }) };
}

interface Summed extends Pick<Facts, 'context' | 'feed'> {
  readonly event: EventName;
  readonly protocol: 'kmsg' | 'journal';
  readonly stream: LocalStream;
  readonly over: Promise<void>;
  readonly elsewhere: Elsewhere | null;
}

/** Seals how the sums of a feed stand, every minute and at its end. */
async function withSums({ event, protocol, context, feed, stream, over, elsewhere }: Summed): Promise<void> {
  const seal = (isLast: boolean): void => {
    elsewhere?.settle(protocol, isLast);
    feed.add([stream.event(event, sumsOf(feed.tally(protocol)))]);
  };
  await Promise.all([over, everyMinute(context.stop, () => seal(false))]);
  seal(true);
}

async function startAudit({ context, feed, open, say }: Facts, reconciliation: Reconciliation | null, who: RunningAttribution | null): Promise<Native | null> {
  const { enabled, path } = context.config.capture.audit;
  if (!enabled) return null;
  const stream = open('audit');
  // Children of a machine's first process need not be ours.
  const own = process.ppid === 1 ? null : new Own({ supervisor: process.ppid, homes: [context.home] });
  const origin = new AuditOrigin({ feed, stream, say, recordBytesMax: context.config.gateway.maxRecordBytes, own, reconciliation, who: who?.attribution ?? null }, steadyMs());
  const absent = path === 'plugin' ? { why: 'auditd has not started our plugin', fix: 'put apps/capture/plugins.d/strongroom.conf into /etc/audit/plugins.d, as docs/OPERATING.md says' }
    : { why: 'strongroom-audit is not there: it takes root, and is built at set-up', fix: 'start Strongroom as root after tools/setup/setup.sh, or set capture.audit.enabled to false' };
  const values = (): Record<string, number> => ({ ...origin.values(), ...reconciliation?.values() });
  return startReader(context, { name: 'audit', path: context.paths.readerSocket('audit'), origin, feed, say, absent }, { stream, values, watcher: () => origin.watcher, isHad: (serial: number) => origin.isHad(serial) });
}

async function startEbpf({ context, feed, open, say }: Facts, reconciliation: Reconciliation | null, who: RunningAttribution | null): Promise<Native | null> {
  if (!context.config.capture.ebpf.enabled) return null;
  const stream = open('ebpf');
  const origin = new EbpfOrigin({ feed, stream, say, recordBytesMax: context.config.gateway.maxRecordBytes, reconciliation, who: who?.attribution ?? null, clockCall: clockCalls(context) });
  const absent = {
    why: 'strongroom-probe is not there: it takes root and a kernel with type information, and is built at set-up',
    fix: 'look at the notes of strongroom status; or set capture.ebpf.enabled to false',
  };
  return startReader(context, { name: 'ebpf', path: context.paths.readerSocket('ebpf'), origin, feed, say, absent }, { stream, values: () => origin.values(), watcher: () => origin.watcher });
}

async function startFiles({ context, feed, open, say }: Facts): Promise<Running | null> {
  if (!context.config.capture.files.enabled) return null;
  const stream = open('files');
  const origin = new FilesOrigin({ feed, stream, say, recordBytesMax: context.config.gateway.maxRecordBytes });
  const absent = {
    why: 'strongroom-files is not there: it takes root, and is built at set-up', fix: 'look at the notes of strongroom status; or set capture.files.enabled to false',
  };
  return startReader(context, { name: 'files', path: context.paths.readerSocket('files'), origin, feed, say, absent }, { stream, values: () => origin.values() });
}

interface Native extends Running {
  watcher(): Watcher;
  /** Of the audit alone: whether an event of that serial came. */
  isHad?(serial: number): boolean;
}

async function startReader<T extends Omit<Running, 'over'>>({ stop }: ServiceContext, options: ReaderFeedOptions, facts: T): Promise<NoInfer<T> & Running | null> {
  try {
    return { ...facts, ...await startReaderFeed(options, stop) };
  } catch (error) {
    options.say(`${options.name}.absent`, errorFields(error));
    return null;
  }
}

// SPDX-License-Identifier: Apache-2.0
// One life of capture: resume, read, end in order.
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { errorFields, EventSource, serviceId, SubmitClient, type Fields, type ServiceContext } from '@strongroom/service';
import { Own } from './audit/own.ts';
import { AuditFeed } from './audit/service.ts';
import { EbpfFeed } from './ebpf/service.ts';
import { EVENTS, type Say } from './events.ts';
import { Feed } from './feed.ts';
import { readHost, type Host } from './host.ts';
import { Journal } from './journal.ts';
import { Kmsg } from './kmsg.ts';
import { kmsgDevice } from './kmsg-device.ts';
import { LocalStream } from './stream.ts';
import { decodeToken, type Position } from './token.ts';

/** For what is read to be sealed at the stop. It may be cut short: what is not sealed is read again by the next life. */
const DRAIN_MS_MAX = 10_000;

/** Runs until `context.stop` is aborted. Rejects with `Failed('submit.vault-forgot')` or `Failed('capture.boot-id-unreadable')`. */
export async function capture(context: ServiceContext): Promise<void> {
  const host = readHost();
  const fatal = Promise.withResolvers<never>();
  const client = connect(context, (error) => fatal.reject(error));
  try {
    await Promise.race([live(context, host, client), fatal.promise]);
  } finally {
    client.close();
  }
}

function connect(context: ServiceContext, onFatal: (error: Failed) => void): SubmitClient {
  return new SubmitClient({
    path: context.paths.submitSocket('capture'), identity: () => context.identity, vault: serviceId(context.deployment, 'vault'),
    instance: context.instance, onFatal,
    onLine: (up, why) => (up ? context.state('running') : context.state('stalled', `no line to the vault: ${why}`)),
  });
}

/** A feed that runs: its stream, and when it is over. */
interface Running {
  readonly stream: LocalStream;
  readonly over: Promise<void>;
}

async function live(context: ServiceContext, host: Host, client: SubmitClient): Promise<void> {
  const stopped = new Promise<null>((resolve) => { context.stop.addEventListener('abort', () => resolve(null), { once: true }); });
  const token = await Promise.race([client.token, stopped]);
  if (token === null || context.stop.aborted) return;
  const { id, keyHash } = context.identity;
  const events = new EventSource(client, { service: 'capture', id, keyHash });
  const log: Say = (event, fields) => context.event(event, EVENTS[event], fields);
  const say: Say = (event, fields) => {
    log(event, fields);
    events.seal(event, EVENTS[event], fields);
  };
  const resumed = resume(token, host);
  const feed = new Feed(client, resumed.position, (fields) => say('capture.denied', fields));
  say('capture.started', { ...host, ...resumed.facts });
  if (resumed.error !== null) say('capture.token-unknown', errorFields(resumed.error));
  const open = (protocol: string): LocalStream => new LocalStream({ id, keyHash: Buffer.from(keyHash, 'hex') }, protocol, log, resumed.error !== null);
  const audit = await startAudit(context, feed, open, say);
  const ebpf = await startEbpf(context, feed, open, say);
  const native = [audit, ebpf].filter((one) => one !== null);
  const running = [...startKmsg(context, feed, open, say), ...startJournal(context, host, feed, open, say), ...native];
  context.stats(() => ({ values: { ...feed.values(), ...audit?.values(), ...ebpf?.values() }, sources: { [id]: feed.source(running.length) } }));
  context.ready();
  // A feed may end before the stop, and it may fail: then so do we.
  await Promise.all([stopped, ...running.map(({ over }) => over)]);
  await end(context, feed, events, running);
}

/** Where to go on, what to say of it, and why the vault's token did not tell. */
function resume(token: Buffer, host: Host): { position: Position; facts: Fields; error: unknown } {
  const begin: Position = { boot: host.boot, kmsg: null, audit: null, cursor: null };
  try {
    const last = decodeToken(token);
    if (last === null) return { position: begin, facts: { resumed: false }, error: null };
    const facts = { resumed: true, resumedBoot: last.boot, resumedKmsg: last.kmsg, resumedAudit: last.audit?.next ?? null, resumedCursor: last.cursor };
    return { position: last.boot === host.boot ? last : { ...begin, cursor: last.cursor }, facts, error: null };
  } catch (error) {
    return { position: begin, facts: { resumed: false }, error };
  }
}

function* startKmsg(context: ServiceContext, feed: Feed, open: (protocol: string) => LocalStream, say: Say): Generator<Running> {
  if (!context.config.capture.kmsg) return;
  if (context.kmsgFd === null) return say('kmsg.absent', { why: 'the supervisor may not read /dev/kmsg', fix: 'start Strongroom as root' });
  const stream = open('kmsg');
  const kmsg = new Kmsg({ read: kmsgDevice(context.kmsgFd), feed, stream, recordBytesMax: context.config.gateway.maxRecordBytes });
  const over = kmsg.run(context.stop).catch((error: unknown) => {
    if (!(error instanceof Failed)) throw error;
    say('kmsg.failed', errorFields(error));
  });
  yield { stream, over };
}

function* startJournal(context: ServiceContext, host: Host, feed: Feed, open: (protocol: string) => LocalStream, say: Say): Generator<Running> {
  const { enabled, directory } = context.config.capture.journal;
  if (!enabled) return;
  const stream = open('journal');
  const journal = new Journal({ directory, host, feed, stream, say, recordBytesMax: context.config.gateway.maxRecordBytes });
  yield { stream, over: journal.run(context.stop) };
}

type Native = Running & { values(): Record<string, number> };

async function startEbpf(context: ServiceContext, feed: Feed, open: (protocol: string) => LocalStream, say: Say): Promise<Native | null> {
  if (!context.config.capture.ebpf.enabled) return null;
  const stream = open('ebpf');
  const ebpf = new EbpfFeed({ path: context.paths.readerSocket('ebpf'), feed, stream, say, recordBytesMax: context.config.gateway.maxRecordBytes });
  try {
    const { over } = await ebpf.start(context.stop);
    return { stream, over, values: () => ebpf.values };
  } catch (error) {
    say('ebpf.absent', errorFields(error));
    return null;
  }
}

async function startAudit(context: ServiceContext, feed: Feed, open: (protocol: string) => LocalStream, say: Say): Promise<Native | null> {
  const { enabled, path } = context.config.capture.audit;
  if (!enabled) return null;
  const stream = open('audit');
  const audit = new AuditFeed({
    path: context.paths.readerSocket('audit'), feed, stream, say, recordBytesMax: context.config.gateway.maxRecordBytes,
    own: new Own({ supervisor: process.ppid, homes: [context.home] }),
    absent: path === 'plugin' ? { why: 'auditd has not started our plugin', fix: 'put apps/capture/plugins.d/strongroom.conf into /etc/audit/plugins.d, as docs/OPERATING.md says' }
      : { why: 'strongroom-audit is not there: it takes root, and is built at set-up', fix: 'start Strongroom as root after tools/setup/setup.sh, or set capture.audit.enabled to false' },
  });
  try {
    const { over } = await audit.start(context.stop);
    return { stream, over, values: () => audit.values };
  } catch (error) {
    say('audit.absent', errorFields(error));
    return null;
  }
}

/** Seals the rest and the ends of the streams. */
async function end(context: ServiceContext, feed: Feed, events: EventSource, running: readonly Running[]): Promise<void> {
  const reason = String(context.stop.reason);
  feed.add(running.map(({ stream }) => stream.end(reason)), {}, true);
  const sealed = Promise.all([events.close(reason), feed.drain()]).then(() => true);
  const inTime = await Promise.race([sealed, delay(DRAIN_MS_MAX, false, { ref: false })]);
  if (!inTime) context.event('capture.unsealed', EVENTS['capture.unsealed'], { records: feed.waiting });
}

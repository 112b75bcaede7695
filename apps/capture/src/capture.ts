// SPDX-License-Identifier: Apache-2.0
// One life of capture: resume, read, end in order.
import { setTimeout as delay } from 'node:timers/promises';
import { errorFields, EventSource, Incidents, withLine, type Fields, type ServiceContext, type SubmitClient } from '@strongroom/service';
import { EVENTS, type Say } from './events.ts';
import { Feed } from './feed.ts';
import { readHost, type Host } from './host.ts';
import { Losses } from './losses.ts';
import { startOrigins, type Running } from './origins.ts';
import { LocalStream } from './stream.ts';
import { checkRoom, decodeToken, type Position } from './token.ts';

/** For what is read to be sealed at the stop. It may be cut short: what is not sealed is read again by the next life. */
const DRAIN_MS_MAX = 10_000;

/** Runs until `context.stop` is aborted. Rejects with `Failed`: `submit.vault-forgot`, `capture.boot-id-unreadable`, `capture.token-room`. */
export async function capture(context: ServiceContext): Promise<void> {
  checkRoom();
  const host = readHost();
  await withLine(context, 'capture', (client) => live(context, host, client));
}

async function live(context: ServiceContext, host: Host, client: SubmitClient): Promise<void> {
  const stopped = new Promise<null>((resolve) => { context.stop.addEventListener('abort', () => resolve(null), { once: true }); });
  const token = await Promise.race([client.token, stopped]);
  if (token === null || context.stop.aborted) return;
  const { id, keyHash } = context.identity;
  const events = new EventSource(client, { service: 'capture', id, keyHash, clock: context.clock });
  const log: Say = (event, fields) => {
    context.event(event, EVENTS[event], fields);
    losses.told(event, fields ?? {});
  };
  const say: Say = (event, fields) => {
    log(event, fields);
    events.seal(event, EVENTS[event], fields);
  };
  const incidents = new Incidents((event, _, fields) => say(event, fields));
  const losses = new Losses(incidents);
  const resumed = resume(token, host);
  const feed = new Feed(client, resumed.position, (fields) => say('capture.denied', fields), context.config.capture.gatherMs);
  say('capture.started', { ...host, ...resumed.facts });
  if (resumed.error !== null) say('capture.token-unknown', errorFields(resumed.error));
  const open = (protocol: string): LocalStream => new LocalStream({ id, keyHash: Buffer.from(keyHash, 'hex') }, protocol, log, resumed.error !== null, context.clock);
  const running = await startOrigins({ context, host, feed, open, say });
  const values = (): Record<string, number> => Object.assign(feed.values(), incidents.values(), ...running.map((one) => one.values?.()));
  context.stats(() => ({ incidents: incidents.look(), values: values(), sources: { [id]: feed.source(running.length) } }));
  context.ready();
  // A feed may end before the stop, and it may fail: then so do we.
  await Promise.all([stopped, ...running.map(({ over }) => over)]);
  losses.close();
  incidents.close();
  await end(context, feed, events, running);
}

/** Where to go on, what to say of it, and why the vault's token did not tell. */
function resume(token: Buffer, host: Host): { position: Position; facts: Fields; error: unknown } {
  const begin: Position = { boot: host.boot, kmsg: null, audit: null, cursor: null };
  try {
    const last = decodeToken(token);
    if (last === null) return { position: begin, facts: { resumed: false }, error: null };
    const facts = { resumed: true, resumedBoot: last.boot, resumedKmsg: last.kmsg, resumedAudit: last.audit?.next ?? null, resumedCursor: last.cursor };
    const files = last.files === undefined ? {} : { files: last.files };
    return { position: last.boot === host.boot ? last : { ...begin, ...files, cursor: last.cursor }, facts, error: null };
  } catch (error) {
    return { position: begin, facts: { resumed: false }, error };
  }
}

/** Seals the rest and the ends of the streams. */
async function end(context: ServiceContext, feed: Feed, events: EventSource, running: readonly Running[]): Promise<void> {
  const reason = String(context.stop.reason);
  feed.add(running.map(({ stream }) => stream.end(reason)), {}, 'at-once');
  const sealed = Promise.all([events.close(reason), feed.drain()]).then(() => true);
  const inTime = await Promise.race([sealed, delay(DRAIN_MS_MAX, false, { ref: false })]);
  if (!inTime) context.event('capture.unsealed', EVENTS['capture.unsealed'], { records: feed.waiting });
}

// SPDX-License-Identifier: Apache-2.0
// Why the line of records per second is flat. The likeliest reason is the first that fits, from our end to the sender's:
// nothing is acknowledged, senders are refused, nobody connects, who is connected has nothing to say.
import { RpcClient, type SourceStats, type WatchItem } from '@strongroom/service/client';
import { duration, some } from '../../quantity.ts';
import { check, type Say } from '../check.ts';
import { enrolled, unanswered, type Patient } from '../patient.ts';
import { refusalsSince, whoOf } from '../refusals.ts';

/** Of the past, for refusals; a sender tries again every few seconds to minutes. */
const REFUSALS_MS = 900_000;
/** A gateway that began less long ago has not been silent yet. */
const SILENCE_MS = 600_000;
/** Seconds that are looked at. */
const SAMPLES = 3;

const CODES = {
  'flow.held': { severity: 'bad', seen: 'records wait, and none is acknowledged', why: 'senders hold back what they cannot hand over, and lose what they cannot hold' },
  'flow.refused': { severity: 'bad', seen: 'a source of ours was refused within the last quarter of an hour', why: 'who is refused is not heard' },
  'flow.strangers': { severity: 'weak', seen: 'somebody who has not proved to be a source of ours was refused within the last quarter of an hour', why: 'if it is a sender of yours it is not heard; else it is as it should be' },
  'flow.nobody': { severity: 'weak', seen: 'sources are enrolled, and none is connected', why: 'nothing can arrive' },
  'flow.silent': { severity: 'weak', seen: 'sources are connected, and none has sent anything since the gateway began', why: 'either nothing happens there, or their input is not set up' },
} as const;
type Code = keyof typeof CODES;

export const flowCheck = check({
  name: 'flow',
  codes: CODES,
  async look(patient, say: Say<Code>) {
    const { status, habits, nowMs } = patient;
    judgeRefusals(patient, say);
    const gateway = status?.services.find(({ name }) => name === 'gateway');
    if (status === null || gateway === undefined) return say.unseen(unanswered(patient), 'flow.held', 'flow.nobody', 'flow.silent');
    const senders = Object.values(enrolled(patient).sources).filter(({ revokedAt }) => revokedAt === null).length;
    const [first, last] = await samples(patient);
    const sources = Object.values(last.sources);
    if (isHeld(first, last)) return say.found('flow.held', { what: `${some(sum(sources, 'waiting'), 'octet')} of ${some(sources.length, 'source')} wait, and within ${SAMPLES - 1} s none was acknowledged`, fix: 'strongroom status (another finding may say what the vault waits for: disk, HSM, or it only is slow)', evidence: { waitingBytes: sum(sources, 'waiting') } });
    const silentMs = nowMs - Date.parse(gateway.since);
    // Who is known by habit is judged by it: who sends by night alone is not missed by day.
    if (habits !== null && habits.learning === 0 && habits.watched >= senders) return;
    if (senders === 0 || silentMs < SILENCE_MS || sum(sources, 'events') > sum(Object.values(first.sources), 'events')) return;
    const connections = sum(sources, 'connections');
    const evidence = { enrolled: senders, connections, events: sum(sources, 'events'), sinceMs: silentMs };
    if (connections === 0) say.found('flow.nobody', { what: `${some(senders, 'source')} ${senders === 1 ? 'is' : 'are'} enrolled and none is connected; the gateway began ${duration(silentMs)} ago`, fix: 'strongroom doctor --to HOST:PORT --identity DIR (on a sender: it says which part of the way is at fault)', evidence });
    else if (sum(sources, 'events') === 0) say.found('flow.silent', { what: `${some(connections, 'connection')} and not one record since the gateway began, ${duration(silentMs)} ago`, fix: "logger -t strongroom-test 'hello' (on a sender; then here: strongroom search strongroom-test)", evidence });
  },
});

/** Sources of ours each by itself; of strangers, who can be anybody and as many as they like, each reason once. */
function judgeRefusals(patient: Patient, say: Say<Code>): void {
  const recent = refusalsSince(patient.events, patient.nowMs - REFUSALS_MS, enrolled(patient));
  for (const all of Map.groupBy(recent, ({ event, source }) => `${event} ${source ?? ''}`).values()) {
    const one = all.at(-1)!;
    const what = `${whoOf(one)} was refused: ${one.why} (${some(all.length, 'time')}, last at ${one.time})`;
    say.found(one.source === null ? 'flow.strangers' : 'flow.refused', { what, fix: one.fix, evidence: { event: one.event, times: all.length, last: one.time, who: whoOf(one) } });
  }
}

/** The first and the last of some seconds. */
async function samples({ paths }: Patient): Promise<[WatchItem, WatchItem]> {
  const client = await RpcClient.connect(paths.controlSocket);
  try {
    const seen: WatchItem[] = [];
    for await (const item of client.stream('watch', {})) if (seen.push(item as WatchItem) === SAMPLES) break;
    return [seen[0]!, seen.at(-1)!];
  } finally {
    client.close();
  }
}

/** Somebody waits, and in no source has anything been acknowledged meanwhile. */
function isHeld(first: WatchItem, last: WatchItem): boolean {
  const waiting = (item: WatchItem): number => sum(Object.values(item.sources), 'waiting');
  return waiting(first) > 0 && waiting(last) > 0 && sum(Object.values(first.sources), 'ackedBytes') === sum(Object.values(last.sources), 'ackedBytes');
}

function sum(sources: readonly SourceStats[], figure: 'waiting' | 'ackedBytes' | 'events' | 'connections'): number {
  return sources.reduce((all, one) => all + one[figure], 0);
}

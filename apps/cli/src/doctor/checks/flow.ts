// SPDX-License-Identifier: Apache-2.0
// Why the line of records per second is flat. The likeliest reason is the first that fits, from our end to the sender's:
// nothing is acknowledged, senders are refused, nobody connects, who is connected has nothing to say.
import { readFileSync } from 'node:fs';
import { RpcClient, type Registry, type ServiceEvent, type SourceStats, type WatchItem } from '@strongroom/service';
import { duration, some } from '../../quantity.ts';
import { check, type Say } from '../check.ts';
import type { Patient } from '../patient.ts';

/** Of the past, for refusals; a sender tries again every few seconds to minutes. */
const REFUSALS_MS = 900_000;
/** A gateway that began less long ago has not been silent yet. */
const SILENCE_MS = 600_000;
/** Seconds that are looked at. */
const SAMPLES = 3;

const CODES = {
  'flow.held': { severity: 'bad', seen: 'records wait, and none is acknowledged', why: 'senders hold back what they cannot hand over, and lose what they cannot hold' },
  'flow.refused': { severity: 'bad', seen: 'senders were refused within the last quarter of an hour', why: 'who is refused is not heard' },
  'flow.nobody': { severity: 'weak', seen: 'sources are enrolled, and none is connected', why: 'nothing can arrive' },
  'flow.silent': { severity: 'weak', seen: 'sources are connected, and none has sent anything since the gateway began', why: 'either nothing happens there, or their input is not set up' },
} as const;
type Code = keyof typeof CODES;

export const flowCheck = check({
  name: 'flow',
  codes: CODES,
  async look(patient, say: Say<Code>) {
    const { status, events, nowMs } = patient;
    judgeRefusals(events, nowMs, say);
    const gateway = status?.services.find(({ name }) => name === 'gateway');
    if (status === null || gateway === undefined) return say.unseen('Strongroom does not run', 'flow.held', 'flow.nobody', 'flow.silent');
    const enrolled = enrolledSources(patient);
    const [first, last] = await samples(patient);
    const sources = Object.values(last.sources);
    if (isHeld(first, last)) return say.found('flow.held', { what: `${some(sum(sources, 'waiting'), 'octet')} of ${some(sources.length, 'source')} wait, and within ${SAMPLES - 1} s none was acknowledged`, fix: 'strongroom status (another finding may say what the vault waits for: disk, HSM, or it only is slow)', evidence: { waitingBytes: sum(sources, 'waiting') } });
    const silentMs = nowMs - Date.parse(gateway.since);
    if (enrolled === 0 || silentMs < SILENCE_MS || sum(sources, 'events') > sum(Object.values(first.sources), 'events')) return;
    const connections = sum(sources, 'connections');
    const evidence = { enrolled, connections, events: sum(sources, 'events'), sinceMs: silentMs };
    if (connections === 0) say.found('flow.nobody', { what: `${some(enrolled, 'source')} ${enrolled === 1 ? 'is' : 'are'} enrolled and none is connected; the gateway began ${duration(silentMs)} ago`, fix: 'strongroom doctor --to HOST:PORT --identity DIR (on a sender: it says which part of the way is at fault)', evidence });
    else if (sum(sources, 'events') === 0) say.found('flow.silent', { what: `${some(connections, 'connection')} and not one record since the gateway began, ${duration(silentMs)} ago`, fix: "logger -t strongroom-test 'hello' (on a sender; then here: strongroom search strongroom-test)", evidence });
  },
});

const REASONS: Readonly<Record<string, readonly [why: string, fix: string]>> = {
  'gateway.certificate-expired': ['its certificate is over', 'strongroom enrol NAME --out DIR --force (and put the new files in place there)'],
  'gateway.certificate-not-yet-valid': ['its certificate is not yet valid here: the clocks differ', 'date -u (here and there)'],
  'gateway.certificate-foreign': ['its certificate is of another CA', 'strongroom enrol NAME --out DIR (and give the sender those files)'],
  'gateway.certificate-invalid': ['its certificate does not hold', 'strongroom enrol NAME --out DIR --force'],
  'gateway.certificate-wrong-name': ['its certificate names no source', 'strongroom enrol NAME --out DIR (and give the sender those files)'],
  'gateway.certificate-revoked': ['it is revoked', 'strongroom sources --revoked (if it shall send again: strongroom enrol NAME --out DIR)'],
  'gateway.certificate-replaced': ['it shows a certificate that was replaced', 'strongroom sources (put the newest files in place there, and restart the sender)'],
  'gateway.source-not-enrolled': ['it is not enrolled', 'strongroom enrol NAME --out DIR'],
  'gateway.no-certificate': ['it shows no certificate', 'strongroom enrol NAME --out DIR (and have the sender use cert.pem and key.pem)'],
  'gateway.certificate-refused-by-peer': ['it does not accept our certificate: its ca.pem, or the name by which it calls us', 'strongroom doctor --to HOST:PORT --identity DIR (on that sender)'],
  'gateway.protocol-version': ['it does not speak TLS 1.3', 'openssl version (on that sender; 1.1.1 or newer is needed)'],
  'gateway.not-tls': ['it does not speak TLS', 'strongroom config explain (send to the TLS port by TLS, or enable gateway.listeners.syslogTcp)'],
};

/** Each reason once, with who was last refused for it. */
function judgeRefusals(events: readonly ServiceEvent[], nowMs: number, say: Say<Code>): void {
  const recent = events.filter(({ event, time }) => REASONS[event] !== undefined && Date.parse(time) > nowMs - REFUSALS_MS);
  for (const [event, all] of Map.groupBy(recent, (one) => one.event)) {
    const { fields, time } = all.at(-1)!;
    const name = /\/source\/([A-Za-z0-9._-]+)/.exec(String(fields['names'] ?? ''))?.[1];
    const who = `${name === undefined ? 'somebody' : name} at ${String(fields['peer'] ?? 'an address that was not told')}`;
    const [why, fix] = REASONS[event]!;
    say.found('flow.refused', { what: `${who} was refused: ${why} (${some(all.length, 'time')}, last at ${time})`, fix, evidence: { event, times: all.length, last: time, who } });
  }
}

function enrolledSources({ paths }: Patient): number {
  try {
    const { sources } = JSON.parse(readFileSync(paths.registry, 'utf8')) as Registry;
    return Object.values(sources).filter(({ revokedAt }) => revokedAt === null).length;
  } catch {
    return 0;
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

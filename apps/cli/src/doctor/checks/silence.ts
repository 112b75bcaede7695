// SPDX-License-Identifier: Apache-2.0
// Who is silent against its own habit, and the likeliest reason: the first that fits, from our end to the sender's.
import type { SilentFacts } from '@strongroom/service/coverage';
import { duration, some } from '../../quantity.ts';
import { check, type Say } from '../check.ts';
import { enrolled, unanswered, type Patient } from '../patient.ts';
import { refusalsSince, type Refusal } from '../refusals.ts';

/** A sender that was cut off is refused at once; one that was refused before was heard since. */
const REFUSED_MS_BEFORE = 60_000;
const NOT_HEARD = 'what happens there is not in evidence';
const WEEKDAY = new Intl.DateTimeFormat('en', { weekday: 'long', timeZone: 'UTC' });

const CODES = {
  'flow.fell-silent': { severity: 'bad', seen: 'a source is silent for longer than it ever is at this hour of the week', why: NOT_HEARD },
  'flow.all-silent': { severity: 'bad', seen: 'all sources that are usually heard fell silent together', why: `it is the network, or this machine: ${NOT_HEARD}, of anybody` },
} as const;
type Code = keyof typeof CODES;

export const silenceCheck = check({
  name: 'silence',
  codes: CODES,
  look(patient, say: Say<Code>) {
    const { habits, status, nowMs } = patient;
    if (habits === null) return say.unseen(status === null ? unanswered(patient) : 'the supervisor that runs knows nothing of habits: it is of an older version', 'flow.fell-silent', 'flow.all-silent');
    const together = habits.silent.filter(({ cause }) => cause === 'network-loss');
    if (together.length > 1) sayTogether(together, patient, say);
    const alone = habits.silent.filter((one) => !(together.length > 1 && together.includes(one)));
    for (const one of alone) {
      const { why, fix } = reasonOf(one, patient);
      const evidence = { source: one.source, since: one.since, usualSilenceSeconds: one.usualSilenceSeconds, usualEventsHourly: one.usualEventsHourly, cause: one.cause, confidence: one.confidence, connections: one.connections };
      say.found('flow.fell-silent', { what: `${one.source} is silent for ${duration(nowMs - Date.parse(one.since))}${usual(one, nowMs)}`, why: `${NOT_HEARD}; most likely ${why}`, fix, evidence });
    }
  },
});

/** `; usually 3 records/s on a Friday at 14 h UTC, and silent there for 2 min at most`. */
export function usual({ usualEventsHourly, usualSilenceSeconds }: Pick<SilentFacts, 'usualEventsHourly' | 'usualSilenceSeconds'>, nowMs: number): string {
  const now = new Date(nowMs);
  const when = `on a ${WEEKDAY.format(now)} at ${now.getUTCHours()} h UTC`;
  if (usualEventsHourly === null) return usualSilenceSeconds === null ? '' : `; ${when} it is usually silent for ${duration(usualSilenceSeconds * 1000)} at most`;
  return `; usually ${rate(usualEventsHourly)} ${when}${usualSilenceSeconds === null ? '' : `, and silent for ${duration(usualSilenceSeconds * 1000)} at most`}`;
}

function rate(hourly: number): string {
  if (hourly >= 3600) return `${rounded(hourly / 3600)} records/s`;
  return hourly >= 60 ? `${rounded(hourly / 60)} records/min` : `${rounded(hourly)} records/h`;
}

function rounded(value: number): string {
  return value >= 10 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)));
}

function sayTogether(together: readonly SilentFacts[], { nowMs }: Patient, say: Say<Code>): void {
  const [first, last] = [together.map(({ since }) => since).toSorted()[0]!, together[0]!];
  const names = together.map(({ source }) => source);
  const isLinkDown = last.confidence === 'certain';
  say.found('flow.all-silent', {
    what: `${some(names.length, 'source')} that are usually heard now fell silent together, the first ${duration(nowMs - Date.parse(first))} ago: ${names.slice(0, 5).join(', ')}${names.length > 5 ? `, and ${names.length - 5} more` : ''}`,
    why: `${CODES['flow.all-silent'].why} (${last.because.split(';')[0]})`,
    fix: isLinkDown ? 'ip -brief link (cable, switch port, driver; then: ip -brief address)' : 'strongroom doctor --to HOST:PORT (from another machine: it says which part of the way is at fault; here: ip -s link)',
    evidence: { sources: names.join(', ').slice(0, 1000), count: names.length, since: first, confidence: last.confidence },
  });
}

interface Reason { readonly why: string; readonly fix: string }

function reasonOf(one: SilentFacts, patient: Patient): Reason {
  const registry = enrolled(patient);
  const sinceMs = Date.parse(one.since);
  const refused = refusalsSince(patient.events, sinceMs - REFUSED_MS_BEFORE, registry).findLast(({ source }) => source === one.source);
  const known = registry.sources[one.source];
  if (refused !== undefined) return ofRefusal(refused);
  if (one.cause === 'network-loss') return { why: `the network: ${one.because}`, fix: one.confidence === 'certain' ? 'ip -brief link' : TRY_THERE };
  if (one.source.startsWith('service/')) return { why: `that service of ours waits or was not started: ${one.because}`, fix: 'strongroom status (and, for what it said: strongroom search --kind event)' };
  if (known !== undefined && known.revokedAt !== null) return { why: `it was revoked at ${known.revokedAt}`, fix: `strongroom sources --revoked (if it shall send again: strongroom enrol ${one.source} --out ./${one.source} --force)` };
  if (known !== undefined && Date.parse(known.notAfter) < patient.nowMs) return { why: `its certificate is over since ${known.notAfter}`, fix: `strongroom enrol ${one.source} --out ./${one.source} --force (and put the new files in place there)` };
  if (one.connections > 0) return { why: 'nothing happens there, or its input stands still: its connection is open', fix: "logger -t strongroom-test 'hello' (on that sender; then here: strongroom search strongroom-test)" };
  if (known === undefined) return { why: 'it is down, or the way from it: it sends without a connection, so nobody can tell', fix: "logger -t strongroom-test 'hello' (on that sender; then here: strongroom search strongroom-test)" };
  return { why: `it is down, or cannot reach us: it is not connected, and was not refused; ${one.because.split(';')[0]}`, fix: TRY_THERE };
}

const TRY_THERE = 'strongroom doctor --to HOST:PORT --identity DIR (on that sender: it says which part of the way is at fault)';

function ofRefusal({ why, peer, time, fix }: Refusal): Reason {
  return { why: `this: ${why} (refused at ${time}, from ${peer})`, fix };
}

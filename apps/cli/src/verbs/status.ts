// SPDX-License-Identifier: Apache-2.0
import { openControl } from '../connections.ts';
import { writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { bytes, count, duration, lostText, some } from '../quantity.ts';
import { factLines, tableLines } from '../table.ts';
import { ageMs, boundText, shortTime } from '../time.ts';
import { EXIT, verb } from '../verb.ts';
import type { Style } from '../io.ts';
import type { CountingFacts, CustodyFacts, ServiceIncident, ServiceStatus, Status, TimestampFacts, UpkeepFacts, WitnessFacts } from '@strongroom/service/client';

export const status = verb({
  arguments: [],
  options: {},
  examples: [
    { command: 'strongroom status', what: 'The state of everything' },
    { command: 'strongroom status -o json | jq .log.size', what: 'One figure of it' },
  ],
  exitCodes: { 1: 'it does not run, or the command failed', 4: 'it runs, but a service is not as it should be, or an incident is open' },
  async run(call) {
    const client = await openControl(call.paths);
    try {
      const now = (await client.call('status')) as Status;
      const attention = troubleOf(now);
      await writeValue(call, { ...now, attention }, () => statusLines(now, call.io.now(), call.io.out.style));
      return attention === null ? EXIT.ok : EXIT.degraded;
    } finally {
      client.close();
    }
  },
});

/** Open incidents that the first line names. */
const NAMED_MAX = 3;

const SERVICE_COLUMNS = [{ title: 'SERVICE' }, { title: 'PID', align: 'right' }, { title: 'STATE' }, { title: 'SINCE', align: 'right' }] as const;

/** What is not as it should be, in a few words; null when all is well. */
export function troubleOf({ services, health, incidents }: Status): string | null {
  const odd = services.filter(({ state }) => state !== 'running').map(({ name, state, reason }) => `${name} is ${state}${reason === null ? '' : ` (${reason})`}`);
  const unwell = health.ok ? health.degraded : health.reason ?? 'health is not well';
  const open = incidents.filter(({ closedAt }) => closedAt === null);
  const all = [...(odd.length === 0 && unwell !== null ? [unwell] : odd), ...(open.length === 0 ? [] : [openText(open)])];
  return all.length === 0 ? null : all.join('; ');
}

/** The first few by name. */
function openText(open: readonly ServiceIncident[]): string {
  const names = open.slice(0, NAMED_MAX).map(({ subject, reason }) => `${subject} ${reason}`).join(', ');
  return `${some(open.length, 'open incident', 'open incidents')} (${names}${open.length > NAMED_MAX ? ', …' : ''})`;
}

/** The screen. */
export function statusLines(now: Status, at: bigint, style: (style: Style, text: string) => string): string[] {
  const trouble = troubleOf(now);
  const well = `${style('green', 'Strongroom is running.')} ${now.notes.length === 0 ? 'Nothing needs attention.' : 'See the notes below.'}`;
  return [
    trouble === null ? well : `${style('yellow', 'Strongroom needs attention:')} ${printable(trouble)}.`, '',
    ...factLines([
      ['deployment', now.deployment],
      ['sealed', `${some(now.records, 'record')} in ${some(now.batches, 'batch', 'batches')}, ${bytes(now.bytes)}`],
      ...logFacts(now, at),
      ['witnessed', witnessText(now.witness, at)],
      ...(now.witness === null ? [] : [['compared', comparisonText(now.witness)] as const]),
      ...(now.timestamp === null ? [] : [['timestamped', timestampText(now.timestamp, at)] as const]),
      ...(now.counter === null ? [] : [['counter', counterText(now.counter, at)] as const]),
      ...(now.clock === null ? [] : [['clock', `${now.clock.state}, ${boundText(now.clock.boundNs)}`] as const]),
      ...(now.upkeep === null ? [] : [['scrubbed', scrubbed(now.upkeep.scrub)] as const]),
      ...(now.custody === null ? [] : custodyFacts(now.custody)),
      ['separation', now.separation.kind === 'users' ? 'each service has a user of its own' : 'nominal'],
      ['home', now.home],
    ]), '',
    ...tableLines(SERVICE_COLUMNS, now.services.map((one) => serviceRow(one, at))), '',
    ...tableLines([{ title: 'LISTENER' }, { title: 'ADDRESS' }], now.listeners.map(({ protocol, address }) => [protocol, address])),
    ...(now.incidents.length === 0 ? [] : ['', ...incidentLines(now.incidents, style)]),
    ...(now.notes.length === 0 ? [] : ['', ...now.notes.map((note) => `${style('yellow', '!')} ${printable(note)}`)]),
  ];
}

const INCIDENT_COLUMNS = [{ title: 'INCIDENT' }, { title: 'COUNT', align: 'right' }, { title: 'FROM' }, { title: 'TO' }, { title: 'STATE' }] as const;
const INCIDENTS_SHOWN_MAX = 12;

/** What was lost, open ones first: one a line, as many as fit. */
function incidentLines(incidents: readonly ServiceIncident[], style: (style: Style, text: string) => string): string[] {
  const shown = incidents.slice(0, INCIDENTS_SHOWN_MAX);
  const [title, ...rows] = tableLines(INCIDENT_COLUMNS, shown.map((one) => [`${printable(one.subject)}: ${printable(one.reason)}`, lostText(one), shortTime(one.from), shortTime(one.to), one.closedAt === null ? 'open' : 'over']));
  const left = incidents.length - shown.length;
  return [title!, ...rows.map((row, index) => (shown[index]!.closedAt === null ? style('yellow', row) : row)), ...(left === 0 ? [] : [`and ${some(left, 'more incident', 'more incidents')} (-o json has all)`])];
}

function scrubbed({ percent, lastPassAt, damaged }: UpkeepFacts['scrub']): string {
  const last = lastPassAt === null ? 'no whole pass yet' : `last whole pass ${shortTime(lastPassAt)}`;
  return `${percent} % of this pass, ${last}${damaged === 0 ? '' : `; ${some(damaged, 'file')} damaged`}`;
}

/** Only what there is of it. */
function custodyFacts({ holds, waiting, destroying, due }: CustodyFacts): [string, string][] {
  const parts = [
    ...(holds === 0 ? [] : [`${some(holds, 'legal hold')} in force`]), ...(due === 0 ? [] : [`${some(due, 'bucket')} over ${due === 1 ? 'its' : 'their'} time`]),
    ...(waiting === 0 ? [] : [`${some(waiting, 'order')} waiting`]), ...(destroying === 0 ? [] : [`${some(destroying, 'destruction')} under way`]),
  ];
  return parts.length === 0 ? [] : [['custody', parts.join(', ')]];
}

function logFacts({ log }: Status, at: bigint): [string, string][] {
  if (log === null) return [['log', 'not known yet']];
  const age = ageMs(log.checkpointAt, at);
  return [
    ['log', `${count(log.size)} entries, ${age === null ? 'no checkpoint published yet' : `checkpoint ${duration(age)} old`}`],
    ['root hash', log.rootHash],
    ['key', log.vkey],
  ];
}

/** How far the log is witnessed, and what is not yet. */
function witnessText(witness: WitnessFacts | null, at: bigint): string {
  if (witness === null) return 'no witnesses configured';
  const { size, at: when, by, unwitnessed: { ageMs: waitsMs, records } } = witness;
  const age = ageMs(when, at);
  const far = size === 0 || age === null ? 'nothing yet' : `${count(size)} entries, ${duration(age)} ago by ${by.map(printable).join(', ')}`;
  return waitsMs === null ? far : `${far}; ${some(records, 'record')} wait, the oldest commit for ${duration(waitsMs)}`;
}

/** How many had seen this log before this start, and what the others say. */
function comparisonText({ compared, comparison: { of, known, unknown, ahead } }: WitnessFacts): string {
  const parts = [
    `${compared ? '' : 'no quorum yet: '}with ${known.length} of ${some(of, 'witness', 'witnesses')}`, ...(unknown.length === 0 ? [] : [`new to ${unknown.map(printable).join(', ')}`]),
    ...(ahead.length === 0 ? [] : [`${ahead.map(printable).join(', ')} names more than there is`]),
  ];
  return parts.join('; ');
}

/** Up to where an authority outside says when the log existed. */
function timestampText({ size, at: when, by }: TimestampFacts, at: bigint): string {
  const age = ageMs(when, at);
  return age === null || by === null ? 'nothing yet' : `${count(size)} entries, ${duration(age)} ago by ${printable(by)}`;
}

/** Up to where the hardware counter would tell that the home was put back. */
function counterText({ kind, value, size, comparedAt, away }: CountingFacts, at: bigint): string {
  const age = ageMs(comparedAt, at);
  return [
    value === null ? `${kind.toUpperCase()}, not stepped yet` : `${kind.toUpperCase()} at ${count(value)}, stepped for ${count(size)} entries`,
    age === null ? 'not compared since the start' : `compared ${duration(age)} ago`, ...(away === null ? [] : [`does not answer: ${printable(away)}`]),
  ].join('; ');
}

function serviceRow({ name, index, pid, state, since }: ServiceStatus, at: bigint): string[] {
  const age = ageMs(since, at);
  return [index === 0 ? name : `${name} ${index + 1}`, pid === null ? '-' : String(pid), state, age === null ? '' : duration(age)];
}

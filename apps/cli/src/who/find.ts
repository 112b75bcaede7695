// SPDX-License-Identifier: Apache-2.0
// Who ran something, from records alone: that of the act, the one that has its ancestors, the one that told later what was not
// known then, and that of the file that was executed. Each fact names its record.
import { Refused } from '@strongroom/bytes';
import type { Item } from '@strongroom/evidence';
import { processFacts, processId, type Ancestor, type Container, type ProcessFacts } from './records.ts';

const SECOND = 1_000_000_000n;
/** So long after an act its process may be told of: what was not known is looked for that long. */
const LATER_NS = 15n * SECOND;
/** What is executed is told of by two readers, which may be so far apart. */
const EXECUTED_NS = 2n * SECOND;

/** What is asked of the store. */
export interface Records {
  /** Records by protocol and content: the first one received from `since` on, or the last one before `until`; null: none. */
  find(protocol: string, content: { readonly text: string } | { readonly regex: string }, time: { readonly since: bigint } | { readonly until: bigint }): Promise<Item | null>;
}

export interface Answer {
  readonly pid: number;
  readonly started: string | null;
  readonly name: string | null;
  readonly person: string | null;
  readonly login: number | null;
  readonly session: number | null;
  readonly unit: string | null;
  readonly userUnit: string | null;
  readonly container: Container | null;
  readonly cgroup: string | null;
  readonly executable: string | null;
  readonly command: readonly string[] | null;
  readonly sha256: string | null;
  /** Why it has none, where that is known: `memfd`, it lay in memory alone. */
  readonly unhashed: string | null;
  /** Parent first. */
  readonly ancestry: readonly Ancestor[];
  /** Ids of the records: of what was asked about, of the process, of its ancestors, of what was told later, of the file. */
  readonly records: { readonly asked: string; readonly process: string; readonly ancestry: string | null; readonly later: string | null; readonly file: string | null };
}

/** Of the process behind a record. Throws `Refused('who.unknown')`. */
export async function whoOf(item: Item, records: Records): Promise<Answer> {
  const facts = processFacts(item);
  if (facts !== null && (facts.ancestry !== null || facts.ancestryIn !== null)) return complete(item, item, facts, records);
  const pid = processId(item);
  if (pid === null) throw unknown(`record ${item.id}`, 'it names no process', 'ask about a record of protocol ebpf, audit or files');
  return whoWas(pid, timeOf(item) + LATER_NS, records, item);
}

/** Of the process that had that id last before a time. Throws `Refused('who.unknown')`. */
export async function whoWas(pid: number, until: bigint, records: Records, asked?: Item): Promise<Answer> {
  const [event, fact] = [await records.find('ebpf', { text: `"pid":${pid},"tid":` }, { until }), await factOf(pid, until, records)];
  const item = event === null || (fact !== null && timeOf(fact) > timeOf(event) && processFacts(event, pid)?.started !== processFacts(fact, pid)?.started) ? fact : event;
  const facts = item === null ? null : processFacts(item, pid);
  if (item === null || facts === null) throw unknown(`process ${pid}`, 'no record of that time tells of it', 'look whether the id and the time are right, and whether capture ran: strongroom search --kind event capture.started');
  return complete(asked ?? item, item, facts, records);
}

/** The last record that tells of it by itself or together with others. Those that only have it among ancestors begin otherwise. */
async function factOf(pid: number, until: bigint, records: Records): Promise<Item | null> {
  const alone = await records.find('process', { regex: `^\\{"pid":${pid},"started":` }, { until });
  const together = await records.find('process', { text: `{"pid":${pid},"name":` }, { until });
  return together === null || (alone !== null && timeOf(alone) > timeOf(together)) ? alone : together;
}

async function complete(asked: Item, item: Item, facts: ProcessFacts, records: Records): Promise<Answer> {
  const told = facts.ancestryIn === null ? item : await toldBy(facts, item, records);
  const toldFacts = told === null ? null : processFacts(told, facts.pid);
  const started = toldFacts?.started ?? facts.started;
  const later = item.protocol === 'process' || started === null ? null
    : await records.find('process', { regex: `^\\{"pid":${facts.pid},"started":${started},` }, { since: timeOf(told ?? item) });
  const laterFacts = later === null ? null : processFacts(later);
  const hash = toldFacts === null || toldFacts.file === null || toldFacts.unhashed !== null ? null : await hashOf(toldFacts.file, facts.pid, timeOf(told!), records);
  const first = <K extends keyof ProcessFacts>(name: K): ProcessFacts[K] | null => facts[name] ?? toldFacts?.[name] ?? laterFacts?.[name] ?? null;
  const ancestry = longest(toldFacts?.ancestry, laterFacts?.ancestry);
  const placed = facts.cgroup !== null || laterFacts === null ? facts : laterFacts;
  return {
    pid: facts.pid, started, name: first('name'), person: first('person'), login: first('login'), session: first('session'),
    unit: placed.unit, userUnit: placed.userUnit, container: placed.container, cgroup: placed.cgroup, executable: first('executable'), command: toldFacts?.command ?? null,
    sha256: hash?.sha256 ?? null, unhashed: toldFacts?.unhashed ?? null, ancestry, records: { asked: asked.id, process: item.id, ancestry: told?.id ?? null, later: later?.id ?? null, file: hash?.id ?? null },
  };
}

/** The event that has the ancestors: numbers of events begin anew with each life of the probe, so the last one counts. */
function toldBy({ pid, ancestryIn }: ProcessFacts, item: Item, records: Records): Promise<Item | null> {
  const [cpu, sequence] = ancestryIn!.split('/');
  return records.find('ebpf', { text: `"cpu":${cpu},"sequence":${sequence},"pid":${pid},` }, { until: timeOf(item) + 1n });
}

/**
 * Contents are told once: when this process executed it, or before. One that is told soon after because of another process may be
 * what this one executed or what came later: then nothing is claimed.
 */
async function hashOf(file: NonNullable<ProcessFacts['file']>, pid: number, executedAt: bigint, records: Records): Promise<Hash | null> {
  const pattern = { regex: `^\\{"type":"executable".*"device":"${file.device}","inode":${file.inode},"sha256":"` };
  const near = await records.find('files', pattern, { since: executedAt - EXECUTED_NS });
  if (near !== null && timeOf(near) >= executedAt - EXECUTED_NS && timeOf(near) < executedAt + EXECUTED_NS) {
    if (near.raw!.includes(`"pid":${pid},"started":`)) return hashIn(near);
    if (timeOf(near) >= executedAt) return null;
  }
  const before = await records.find('files', pattern, { until: executedAt });
  return before === null ? null : hashIn(before);
}

interface Hash {
  readonly id: string;
  readonly sha256: string;
}

function hashIn({ id, raw = '' }: Item): Hash | null {
  const sha256 = /"sha256":"([0-9a-f]{64})"/.exec(raw)?.[1];
  return sha256 === undefined ? null : { id, sha256 };
}

/** The one that is known further up. */
function longest(told: readonly Ancestor[] | null | undefined, later: readonly Ancestor[] | null | undefined): readonly Ancestor[] {
  const [first, second] = [told ?? [], later ?? []];
  return known(second) > known(first) ? second : first;
}

function known(all: readonly Ancestor[]): number {
  return all.filter(({ name }) => name !== null).length;
}

/** Nanoseconds, as measured: RFC 3339 with up to nine digits. */
export function timeOf({ receivedAt }: Pick<Item, 'receivedAt'>): bigint {
  const fraction = /\.(\d+)Z$/.exec(receivedAt)?.[1] ?? '';
  return BigInt(Math.floor(Date.parse(receivedAt) / 1000)) * SECOND + BigInt(fraction.padEnd(9, '0'));
}

function unknown(what: string, why: string, fix: string): Refused {
  return new Refused('who.unknown', `nothing tells who is behind ${what}`, { why, fix });
}

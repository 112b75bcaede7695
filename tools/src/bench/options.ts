// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { Refused } from '@strongroom/bytes';
import { QUIET_WAYS } from './kernel/ways.ts';
import type { SubjectName } from './subject.ts';

export const PARTS = ['idle', 'syslog', 'paced', 'relp', 'floors'] as const;
export type Part = (typeof PARTS)[number];
export const SUBJECTS: readonly SubjectName[] = ['strongroom', 'rsyslog', 'syslog-ng'];

export interface Options {
  /** How long one leg should take, roughly. */
  readonly seconds: number;
  /** Events of a syslog leg; null: what Strongroom takes in `seconds`, by the warming up. */
  readonly events: number | null;
  readonly rounds: number;
  readonly idleSeconds: number;
  readonly only: ReadonlySet<string>;
  readonly write: boolean;
  readonly profile: boolean;
  /** Kernel events are measured instead, the highest exec rate with so many execs. */
  readonly kernelExecs: number | null;
  /** How useful the clock's bound is and what it costs is measured instead. */
  readonly clock: boolean;
  /** What an appliance costs while hardly anything happens is measured instead, after so many seconds to settle. */
  readonly quiet: { readonly seconds: number; readonly settleSeconds: number; readonly ways: readonly (typeof QUIET_WAYS)[number][] } | null;
  /** Asking so many devices by SNMP is measured instead. */
  readonly rackDevices: number | null;
  /** Reading is measured instead of sealing, with so many records. */
  readonly reading: { readonly records: number; readonly days: number; readonly sources: number } | null;
}

export const USAGE = `npm run bench -- [options]

Measures Strongroom against rsyslog on this machine, alternating, with real TLS and real disks. It never fails for a time;
it exits 1 when events are missing. It uses only temporary directories and loopback, and ends what it started.

  --seconds N   how long each leg takes, roughly (5)
  --events N    events of each syslog leg, instead
  --rounds N    alternations (3)
  --idle N      seconds to settle, and seconds to measure, before any load (10)
  --only LIST   of ${[...PARTS, ...SUBJECTS].join(', ')}, with commas; parts and systems left unnamed in their group all run,
                but syslog-ng runs only when it is named
  --write       put the results into docs/BENCHMARKS.md
  --profile     also show in which functions the gateway and the vault spend their time (slows both down)

  --reading     searching, verifying and starting instead, on a store of --records records from --sources sources over
                --days days (4000000, 500, 10); 100000000 take 7 GB of disk and some minutes
  --kernel      what kernel events cost instead, by audit, by eBPF and by auditd alone, on a quiet host and on a busy one, and
                what file integrity costs; --execs N for the highest exec rate (5000); some seven minutes, as root, where no auditd runs
  --clock       how useful the clock's error bound is instead, and what it costs: beside a real chronyd, for --seconds (120)
  --quiet       what an appliance costs where hardly anything happens, by process, instead: --settle seconds alone (60), --seconds
                measured (60), for each of ${QUIET_WAYS.map((way, index) => `${index + 1} ${way}`).join(', ')}; --ways for some of them, by number
  --rack        what it costs to ask devices by SNMPv3 every 10 s instead; --devices N of them (500), for --seconds N; some minutes
  --help
`;

/** Null when help is wanted. Throws `Refused('bench.options')`. */
export function readOptions(args: readonly string[]): Options | null {
  const { values } = parse(args);
  if (values.help === true) return null;
  const only = new Set((values.only ?? '').split(',').filter((name) => name !== ''));
  const known: readonly string[] = [...PARTS, ...SUBJECTS];
  const unknown = [...only].find((name) => !known.includes(name));
  if (unknown !== undefined) throw refused(`--only does not know "${unknown}"`, `possible are ${known.join(', ')}`);
  return {
    seconds: whole(values.seconds, 'seconds', values.clock === true ? 120 : 5, 3600), clock: values.clock === true, events: values.events === undefined ? null : whole(values.events, 'events', 0, 1e9),
    rounds: whole(values.rounds, 'rounds', 3, 1000), idleSeconds: whole(values.idle, 'idle', 10, 3600),
    quiet: values.quiet === true ? quietOptions(values) : null,
    kernelExecs: values.kernel === true ? whole(values.execs, 'execs', 5000, 10_000_000) : null,
    rackDevices: values.rack === true ? whole(values.devices, 'devices', 500, 1000) : null,
    only, write: values.write === true, profile: values.profile === true, reading: values.reading === true ? readingOptions(values) : null,
  };
}

function quietOptions({ seconds, settle, ways = '1,2,3,4' }: { readonly seconds?: string; readonly settle?: string; readonly ways?: string }): Options['quiet'] {
  const chosen = ways.split(',').map((number) => QUIET_WAYS[Number(number) - 1]);
  if (chosen.includes(undefined)) throw refused(`--ways ${ways} is none that there is`, `numbers from 1 to ${QUIET_WAYS.length}, with commas`);
  return { seconds: whole(seconds, 'seconds', 60, 3600), settleSeconds: whole(settle, 'settle', 60, 3600), ways: chosen.filter((way) => way !== undefined) };
}

function readingOptions({ records, days, sources }: { readonly records?: string; readonly days?: string; readonly sources?: string }): Options['reading'] {
  return { records: whole(records, 'records', 4_000_000, 1e9), days: whole(days, 'days', 10, 3650), sources: whole(sources, 'sources', 500, 100_000) };
}

/** Whether something of a group is wanted: it is named, or nothing of its group is. */
export function wants(only: ReadonlySet<string>, name: string): boolean {
  const group: readonly string[] = (PARTS as readonly string[]).includes(name) ? PARTS : SUBJECTS;
  return only.has(name) || (name !== 'syslog-ng' && !group.some((one) => only.has(one)));
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({ args: [...args], options: { seconds: text, events: text, rounds: text, idle: text, only: text, write: flag, profile: flag, reading: flag, kernel: flag, clock: flag, execs: text, rack: flag, devices: text, quiet: flag, settle: text, ways: text, records: text, days: text, sources: text, help: flag } });
  } catch (error) {
    throw refused((error as Error).message, 'see npm run bench -- --help');
  }
}

function whole(text: string | undefined, name: string, otherwise: number, most: number): number {
  if (text === undefined) return otherwise;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw refused(`--${name} ${text} is no number that it can be`, `a whole number from 1 to ${most}`);
  return value;
}

function refused(what: string, why: string): Refused {
  return new Refused('bench.options', what, { why, fix: 'npm run bench -- --help' });
}

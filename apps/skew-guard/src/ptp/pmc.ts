// SPDX-License-Identifier: Apache-2.0
// What linuxptp's `pmc` prints to GETs, as data: a line for each answer that ends with the name of a data set, then its members,
// "name value", further in.
import { Refused } from '@strongroom/bytes';

export interface PtpReport {
  readonly isMasterPresent: boolean;
  readonly master: string;
  /** The clock that ptp4l disciplines less the master's. */
  readonly masterOffsetNs: number;
  readonly meanPathDelayNs: number;
  readonly stepsRemoved: number;
  /** When the last synchronisation came in: it names the measurement. */
  readonly ingressTime: string;
  readonly portState: string;
  /** SOFTWARE: ptp4l disciplines this machine's clock; else that of a network card. Null: it does not say (before linuxptp 3). */
  readonly timestamping: string | null;
  readonly syncIntervalNs: number;
  /** What the grandmaster says of its accuracy, IEEE 1588 table 5; null: it does not know. */
  readonly masterAccuracyNs: number | null;
  readonly leap: 'none' | 'insert' | 'delete';
}

/** States of a port that takes its time from a master. */
export const FOLLOWING: ReadonlySet<string> = new Set(['SLAVE', 'UNCALIBRATED']);
const TEXT_CHARACTERS_MAX = 65_536;
/** Of the logarithm of an interval: from a millionth of a second to days. 127 would be "not known". */
const LOG_INTERVAL_MAX = 20;
/** From 0x17, in nanoseconds. */
const ACCURACY_FROM = 0x17;
const ACCURACY_NS = [
  0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 25, 100, 250, 1000, 2500, 1e4, 25_000, 1e5, 25e4, 1e6, 25e5, 1e7, 25e6, 1e8, 25e7, 1e9, 1e10,
] as const;

/** Throws `Refused`: `ptp.too-long`, `ptp.missing`, `ptp.number`. */
export function parsePmc(text: string): PtpReport {
  if (text.length > TEXT_CHARACTERS_MAX) throw new Refused('ptp.too-long', 'pmc printed more than any ptp4l has to say');
  const sets = new Map<string, Map<string, string>[]>();
  let members: Map<string, string> | undefined;
  for (const line of text.split('\n')) {
    const [, name] = /\bRESPONSE MANAGEMENT ([A-Z_]+)\s*$/.exec(line) ?? [];
    if (name !== undefined) sets.set(name, [...sets.get(name) ?? [], members = new Map()]);
    const [, key, value] = /^\t\t(\S+)\s+(\S+)\s*$/.exec(line) ?? [];
    if (key !== undefined) members?.set(key, value!);
  }
  // Of several ports the one that follows; it is the last where none does.
  const port = sets.get('PORT_DATA_SET')?.findLast((one) => FOLLOWING.has(one.get('portState') ?? '')) ?? sets.get('PORT_DATA_SET')?.at(-1);
  const isOfPort = (one: Map<string, string>): boolean => one.get('portIdentity') === port?.get('portIdentity');
  const of = (set: string, key: string): string => {
    const value = set === 'PORT_DATA_SET' ? port?.get(key) : sets.get(set)?.at(-1)?.get(key);
    if (value === undefined) throw new Refused('ptp.missing', `ptp4l told no ${key} of ${set}`);
    return value;
  };
  return {
    isMasterPresent: of('TIME_STATUS_NP', 'gmPresent') === 'true', master: of('TIME_STATUS_NP', 'gmIdentity'),
    masterOffsetNs: number(of('TIME_STATUS_NP', 'master_offset')), ingressTime: nanoseconds(of('TIME_STATUS_NP', 'ingress_time')),
    meanPathDelayNs: number(of('CURRENT_DATA_SET', 'meanPathDelay')), stepsRemoved: number(of('CURRENT_DATA_SET', 'stepsRemoved')),
    portState: of('PORT_DATA_SET', 'portState'), timestamping: sets.get('PORT_PROPERTIES_NP')?.find(isOfPort)?.get('timestamping') ?? null, syncIntervalNs: 2 ** logarithm(of('PORT_DATA_SET', 'logSyncInterval')) * 1e9,
    masterAccuracyNs: accuracyNs(of('PARENT_DATA_SET', 'gm.ClockAccuracy')),
    leap: of('TIME_PROPERTIES_DATA_SET', 'leap61') === '1' ? 'insert' : of('TIME_PROPERTIES_DATA_SET', 'leap59') === '1' ? 'delete' : 'none',
  };
}

function accuracyNs(text: string): number | null {
  const code = /^0x[0-9a-f]{2}$/.test(text) ? Number(text) : Number.NaN;
  return ACCURACY_NS[code - ACCURACY_FROM] ?? null;
}

function number(text: string): number {
  const value = /^[+-]?\d{1,20}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw noNumber(text);
  return value;
}

/** Whole, and all its digits kept. */
function nanoseconds(text: string): string {
  if (!/^\d{1,19}$/.test(text)) throw noNumber(text);
  return String(BigInt(text));
}

function logarithm(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || Math.abs(value) > LOG_INTERVAL_MAX) throw noNumber(text);
  return value;
}

function noNumber(text: string): Refused {
  return new Refused('ptp.number', 'pmc printed no number where one stands', { why: text.slice(0, 100) });
}

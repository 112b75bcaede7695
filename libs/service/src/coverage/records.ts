// SPDX-License-Identifier: Apache-2.0
// Records of protocol "coverage", docs/FORMAT.md: signs of life, dark zones, and sources that were heard or fell silent.
import type { Cause, Confidence } from './causes.table.ts';
import type { DarkZone } from './dark-zone.ts';
import { NOTHING_KNOWN, type DarkFacts, type Heartbeat, type SealedRecord } from './facts.ts';

export const COVERAGE_PROTOCOL = 'coverage';
/** Names in one record; more sources make more records. */
export const NAMES_MAX = 500;

/** A heartbeat as it is sealed. */
export interface Beat extends Heartbeat {
  readonly number: number;
  readonly everySeconds: number;
  /** Stopped: the last one of its life. */
  readonly state: 'alive' | 'stopped';
  /** Why evidence is not taken from here on, though we live; null: it is. */
  readonly held: { readonly cause: Cause; readonly because: string } | null;
}

export interface Silence {
  readonly source: string;
  /** When it was heard last. */
  readonly fromNs: bigint;
  readonly cause: Cause;
  readonly confidence: Confidence;
  readonly because: string;
}

export type CoverageRecord =
  | ({ readonly type: 'heartbeat' } & Beat)
  | { readonly type: 'dark-zone'; readonly zone: DarkZone; readonly facts: DarkFacts }
  /** What became known of it since: the same zone, judged anew. */
  | { readonly type: 'dark-zone-amended'; readonly timeNs: bigint; readonly zone: DarkZone; readonly facts: DarkFacts }
  | ({ readonly type: 'silent'; readonly timeNs: bigint; readonly usualSeconds: number } & Silence)
  /** `silence`: what it ended, as it is judged now; null: it was heard for the first time. */
  | { readonly type: 'heard'; readonly timeNs: bigint; readonly source: string; readonly silence: Omit<Silence, 'source'> | null }
  | { readonly type: 'sources'; readonly timeNs: bigint; readonly heard: readonly string[]; readonly learning: readonly string[]; readonly silent: readonly Silence[] }
  | { readonly type: 'forgotten'; readonly timeNs: bigint; readonly source: string };

/** ECMAScript 2026; the compiler's library does not have it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** As one line of JSON; nanoseconds keep all their digits. */
export function encodeCoverage(record: CoverageRecord): Buffer {
  return Buffer.from(JSON.stringify(jsonOf(record), (_, value: unknown) => (typeof value === 'bigint' ? rawJSON(String(value)) : value)));
}

function jsonOf(record: CoverageRecord): Record<string, unknown> {
  switch (record.type) {
    case 'heartbeat': {
      const { type, number, everySeconds, state, held } = record;
      return { type, ...heartbeatJson(record), number, every: everySeconds, state, held };
    }
    case 'dark-zone': return { type: record.type, ...zoneJson(record) };
    case 'dark-zone-amended': return { type: record.type, time: record.timeNs, ...zoneJson(record) };
    case 'silent': return { type: record.type, time: record.timeNs, source: record.source, usual: record.usualSeconds, ...silenceJson(record) };
    case 'heard': return { type: record.type, time: record.timeNs, source: record.source, silence: record.silence === null ? null : silenceJson(record.silence) };
    case 'sources': return { type: record.type, time: record.timeNs, heard: record.heard, learning: record.learning, silent: record.silent.map((one) => ({ source: one.source, ...silenceJson(one) })) };
    default: return { type: record.type, time: record.timeNs, source: record.source };
  }
}

function heartbeatJson({ boot, life, bootNs, monotonicNs, wallNs, boundNs }: Heartbeat): Record<string, unknown> {
  return { time: wallNs, bound: boundNs, boot, life, sinceBoot: bootNs, monotonic: monotonicNs };
}

function zoneJson({ zone, facts: { before, after, lastSealed, everySeconds, ...facts } }: { readonly zone: DarkZone; readonly facts: DarkFacts }): Record<string, unknown> {
  const { fromNs, toNs, beganByNs, boundNs, lastedNs, cause, confidence, because, others } = zone;
  const last = lastSealed === null ? null : { id: lastSealed.id, time: lastSealed.timeNs, bound: lastSealed.boundNs };
  return {
    text: sentenceOf(zone), from: fromNs, beganBy: beganByNs, to: toNs, bound: boundNs, lasted: lastedNs, cause, confidence, because, others, before: heartbeatJson(before), after: heartbeatJson(after),
    facts: { lastSealed: last, every: everySeconds, ...facts },
  };
}

function silenceJson({ fromNs, cause, confidence, because }: Omit<Silence, 'source'>): Record<string, unknown> {
  return { from: fromNs, cause, confidence, because };
}

/** `dark zone from … to … (± bound), cause …, confidence …`; `from between … and …` where it began between two moments. */
export function sentenceOf({ fromNs, beganByNs, toNs, boundNs, cause, confidence }: DarkZone): string {
  return `dark zone from ${beganByNs === null ? isoOf(fromNs) : `between ${isoOf(fromNs)} and ${isoOf(beganByNs)}`} to ${isoOf(toNs)} (± ${boundNs === null ? 'unknown' : `${Number(boundNs) / 1e6} ms`}), cause ${cause}, confidence ${confidence}`;
}

/** RFC 3339 with milliseconds. */
export function isoOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}

type Json = Record<string, unknown>;

/** Null: no record of this page, or of a later version of it. */
export function decodeCoverage(raw: string): CoverageRecord | null {
  try {
    return recordOf(JSON.parse(raw, exactly as Parameters<typeof JSON.parse>[1]) as Json);
  } catch {
    return null;
  }
}

/** Numbers beyond 2^53 keep their digits. */
function exactly(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && context?.source !== undefined && /^\d+$/.test(context.source) ? BigInt(context.source) : value;
}

function recordOf(json: Json): CoverageRecord | null {
  const timeNs = json['time'] === undefined ? 0n : ns(json['time']);
  const source = String(json['source'] ?? '');
  switch (json['type']) {
    case 'heartbeat': return {
      type: 'heartbeat', ...heartbeatOf(json), number: Number(json['number']), everySeconds: Number(json['every']),
      state: json['state'] === 'stopped' ? 'stopped' : 'alive', held: (json['held'] ?? null) as Beat['held'],
    };
    case 'dark-zone': return { type: 'dark-zone', ...zoneOf(json) };
    case 'dark-zone-amended': return { type: 'dark-zone-amended', timeNs, ...zoneOf(json) };
    case 'silent': return { type: 'silent', timeNs, usualSeconds: Number(json['usual']), source, ...silenceOf(json) };
    case 'heard': return { type: 'heard', timeNs, source, silence: json['silence'] === null ? null : silenceOf(json['silence'] as Json) };
    case 'sources': return { type: 'sources', timeNs, heard: json['heard'] as string[], learning: json['learning'] as string[], silent: (json['silent'] as Json[]).map((one) => ({ source: String(one['source']), ...silenceOf(one) })) };
    case 'forgotten': return { type: 'forgotten', timeNs, source };
    default: return null;
  }
}

function zoneOf(json: Json): { readonly zone: DarkZone; readonly facts: DarkFacts } {
  const { from, to, beganBy, bound, lasted, cause, confidence, because, others, before, after, facts } = json;
  const { lastSealed, every = 0, ...told } = facts as Json;
  return {
    zone: {
      fromNs: ns(from), toNs: ns(to), beganByNs: orNull(beganBy), boundNs: orNull(bound), lastedNs: orNull(lasted),
      cause: cause as Cause, confidence: confidence as Confidence, because: String(because), others: others as Cause[],
    },
    facts: { ...NOTHING_KNOWN, ...(told as Partial<DarkFacts>), lastSealed: sealedOf(lastSealed as Json | null | undefined), everySeconds: Number(every), before: heartbeatOf(before as Json), after: heartbeatOf(after as Json) },
  };
}

function sealedOf(json: Json | null | undefined): SealedRecord | null {
  return json === null || json === undefined ? null : { id: String(json['id']), timeNs: ns(json['time']), boundNs: orNull(json['bound']) };
}

function heartbeatOf(json: Json): Heartbeat {
  return { boot: String(json['boot']), life: String(json['life']), bootNs: ns(json['sinceBoot']), monotonicNs: ns(json['monotonic']), wallNs: ns(json['time']), boundNs: orNull(json['bound']) };
}

function silenceOf(json: Json): Omit<Silence, 'source'> {
  return { fromNs: ns(json['from']), cause: json['cause'] as Cause, confidence: json['confidence'] as Confidence, because: String(json['because']) };
}

function ns(value: unknown): bigint {
  return BigInt(value as number | bigint);
}

function orNull(value: unknown): bigint | null {
  return value === null || value === undefined ? null : ns(value);
}

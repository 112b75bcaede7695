// SPDX-License-Identifier: Apache-2.0
// A record as people and tools read it: plain JSON values, nothing that was not measured.
import { isUtf8 } from 'node:buffer';
import type { BatchRecord } from './batch.ts';
import { BOUND_UNKNOWN, KIND, decodeContext, type Context } from './receipt.ts';

export type KindName = keyof typeof KIND;

/** `receivedAt` RFC 3339 with the digits that were measured; `boundNs` null until it is known; one of raw and rawBase64. */
export interface Item {
  readonly id: string;
  readonly receivedAt: string;
  readonly boundNs: number | null;
  readonly source: string;
  readonly stream: string;
  readonly sequence: number;
  readonly protocol: string;
  readonly peer: string;
  readonly kind: KindName;
  readonly raw?: string;
  readonly rawBase64?: string;
}

/** `<entry index>-<record index>`. */
export function recordId(entry: number, record: number): string {
  return `${entry}-${record}`;
}

/** The entry and record of an id, or null for something else. */
export function parseRecordId(id: string): { entry: number; record: number } | null {
  const match = /^(0|[1-9][0-9]{0,14})-(0|[1-9][0-9]{0,14})$/.exec(id);
  return match === null ? null : { entry: Number(match[1]), record: Number(match[2]) };
}

/** RFC 3339 in UTC, with 3, 6 or 9 digits of fraction: groups that are zero were not measured. */
export function formatTime(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/(000){1,2}$/, '');
  return `${seconds}.${fraction}Z`;
}

export function kindName(context: Context): KindName {
  return (Object.keys(KIND) as KindName[]).find((name) => KIND[name] === context.kind)!;
}

/** What a reader is shown of one record of the batch at `entry`. */
export function itemOf(entry: number, record: BatchRecord, context: Context = decodeContext(record.context)): Item {
  return {
    id: recordId(entry, record.index), receivedAt: formatTime(context.receivedAt),
    boundNs: context.bound === BOUND_UNKNOWN ? null : Number(context.bound),
    source: context.source, stream: context.stream.toString('hex'), sequence: record.sequence,
    protocol: context.protocol, peer: context.peer, kind: kindName(context), ...rawOf(record.raw),
  };
}

function rawOf(raw: Buffer): { raw: string } | { rawBase64: string } {
  return isUtf8(raw) ? { raw: raw.toString('utf8') } : { rawBase64: raw.toString('base64') };
}

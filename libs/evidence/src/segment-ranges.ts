// SPDX-License-Identifier: Apache-2.0
// Sets of segments as text, docs/FORMAT.md section 4: `1-1f,21` are the segments 1 to 1f and 21, in hexadecimal without
// leading zeros, ascending, no two of them adjoining; `-` is none.
import { segmentName } from './segment.ts';

/** Numbers of segments, both inclusive. */
export interface SegmentRange {
  readonly first: number;
  readonly last: number;
}

const RANGE = /^([1-9a-f][0-9a-f]{0,13})(?:-([1-9a-f][0-9a-f]{0,13}))?$/;

/** The ranges of any segments, named by their 16 digits. */
export function rangesOf(segments: Iterable<string>): SegmentRange[] {
  const numbers = [...new Set([...segments].map((name) => Number.parseInt(name, 16)))].sort((a, b) => a - b);
  const ranges: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const open = ranges.at(-1);
    if (open !== undefined && open.last + 1 === number) open.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges;
}

export function encodeRanges(ranges: readonly SegmentRange[]): string {
  if (ranges.length === 0) return '-';
  return ranges.map(({ first, last }) => (first === last ? first.toString(16) : `${first.toString(16)}-${last.toString(16)}`)).join(',');
}

/** Null for what is not exactly what {@link encodeRanges} writes. */
export function decodeRanges(text: string): SegmentRange[] | null {
  if (text === '-') return [];
  const ranges: SegmentRange[] = [];
  for (const part of text.split(',')) {
    const match = RANGE.exec(part);
    const first = Number.parseInt(match?.[1] ?? '', 16);
    const last = match?.[2] === undefined ? first : Number.parseInt(match[2], 16);
    const free = (ranges.at(-1)?.last ?? -1) + 2;
    if (match === null || !Number.isSafeInteger(last) || first < free || (match[2] !== undefined && last <= first)) return null;
    ranges.push({ first, last });
  }
  return ranges;
}

export function inRanges(ranges: readonly SegmentRange[], segment: string): boolean {
  const number = Number.parseInt(segment, 16);
  return ranges.some(({ first, last }) => number >= first && number <= last);
}

/** Whether every segment of `inner` is in `outer`. */
export function rangesWithin(inner: readonly SegmentRange[], outer: readonly SegmentRange[]): boolean {
  return inner.every(({ first, last }) => outer.some((range) => first >= range.first && last <= range.last));
}

/** What of these ranges is in none of the others; it is never counted one by one, however much they span. */
export function rangesWithout(ranges: readonly SegmentRange[], others: readonly SegmentRange[]): SegmentRange[] {
  const left: SegmentRange[] = [];
  for (const { first, last } of ranges) {
    let from = first;
    for (const other of others) {
      if (other.last < from || other.first > last) continue;
      if (other.first > from) left.push({ first: from, last: other.first - 1 });
      from = other.last + 1;
    }
    if (from <= last) left.push({ first: from, last });
  }
  return left;
}

export function rangesCount(ranges: readonly SegmentRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** The segments one after the other. */
export function* segmentsIn(ranges: readonly SegmentRange[]): Generator<string> {
  for (const { first, last } of ranges) for (let number = first; number <= last; number += 1) yield segmentName(number);
}

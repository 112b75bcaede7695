// SPDX-License-Identifier: Apache-2.0
// Tampering with commit/: what recovery would believe.
import { decodeCommits, encodeCommit, NO_DIGEST, openCheckpoint, type Cycle, type Snapshot } from '@strongroom/evidence';
import { flip, put, remove, truncate, type Subject, type Tampering } from './tampered-files.ts';

export function commitTamperings(subject: Subject): Tampering[] {
  const path = [...subject.files.keys()].filter((name) => name.startsWith('commit/')).toSorted((a, b) => serial(a) - serial(b)).at(-1);
  if (path === undefined) return [];
  const bytes = subject.files.get(path)!;
  const { size } = openCheckpoint(subject.files.get('log/checkpoint')!.toString(), subject.key);
  const covered = recordsUpTo(bytes, size);
  const cycle = covered.findLastIndex((record) => record.kind === 'cycle' && record.entries.length > 0);
  return [
    { name: 'a bit of the snapshot', code: 'commit.digest', apply: flip(path, 12) },
    ...(cycle < 0 ? [] : ofCycle(path, bytes, covered, cycle)),
  ];
}

function serial(path: string): number {
  return Number(/-([0-9]+)\.commit$/.exec(path)?.[1] ?? 0);
}

/** The records that a checkpoint of `size` covers. */
function recordsUpTo(bytes: Buffer, size: number): (Snapshot | Cycle)[] {
  const { records } = decodeCommits(bytes);
  const beyond = records.findIndex((record) => record.kind === 'cycle' && record.sizeBefore >= size);
  return beyond < 0 ? records : records.slice(0, beyond);
}

function* ofCycle(path: string, bytes: Buffer, records: readonly (Snapshot | Cycle)[], index: number): Generator<Tampering> {
  const start = rechained(records.slice(0, index)).length;
  const length = rechained(records.slice(0, index + 1)).length;
  yield { name: 'a bit of a committed entry', code: 'commit.digest', apply: flip(path, start + 40) };
  yield { name: 'a bit of the digest of a cycle', code: 'commit.digest', apply: flip(path, length - 1) };
  yield { name: 'the last covered cycle is cut', code: 'commit.digest', apply: truncate(path, length - 1) };
  yield { name: 'the last covered cycle is missing', code: 'commit.digest', apply: truncate(path, start) };
  const changed = (change: (cycle: Cycle) => Cycle): Buffer => rechained(records.map((record, i) => (i === index ? change(record as Cycle) : record)));
  yield { name: 'another entry, with digests made anew', code: 'commit.entries', apply: put(path, changed(otherEntry)) };
  yield { name: 'another size, with digests made anew', code: 'commit.format', apply: put(path, changed((cycle) => ({ ...cycle, sizeBefore: cycle.sizeBefore + 1 }))) };
  yield { name: 'no checkpoint, with digests made anew', code: 'commit.checkpoint', apply: put(path, changed((cycle) => ({ ...cycle, checkpoint: '' }))) };
  const renamed = path.replace(/\/[0-9a-f]{16}/, (first) => `/${(BigInt(`0x${first.slice(1)}`) ^ 1n).toString(16).padStart(16, '0')}`);
  yield { name: 'a file under another name', code: 'commit.name', apply: (files) => void (put(renamed, bytes)(files), remove(path)(files)) };
}

function otherEntry(cycle: Cycle): Cycle {
  const [first, ...others] = cycle.entries;
  const changed = Buffer.from(first!);
  changed[changed.length - 2]! ^= 1;
  return { ...cycle, entries: [changed, ...others] };
}

function rechained(records: readonly (Snapshot | Cycle)[]): Buffer {
  let digest: Buffer = NO_DIGEST;
  return Buffer.concat(records.map((record) => {
    const encoded = encodeCommit(digest, record);
    digest = encoded.digest;
    return encoded.bytes;
  }));
}

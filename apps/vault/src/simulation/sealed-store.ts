// SPDX-License-Identifier: Apache-2.0
// The store as anybody finds it who has its keys, and the verifier's word on it.
import {
  TILE_WIDTH, bundlePath, decodeBatch, decodeBundle, decodeContext, decodeEntry, decodeWrappedKey, inRanges, openFrame, parseChecksums, parsePartName, recordsOf, verifyStore, wrappingContext, xaesKey,
  type BatchEntry, type BatchRun, type Checksum, type Entry, type RunKind, type StoreReader, type Verdict, type XaesKey,
} from '@strongroom/evidence';
import type { Layout } from '@strongroom/service';
import { storeView, type DiskImage, type SoftwareKeys } from '@strongroom/testing';
import { Violation } from './violation.ts';

export interface SealedRun {
  readonly stream: string;
  readonly source: string;
  readonly protocol: string;
  readonly kind: RunKind;
  readonly first: number;
  readonly records: readonly string[];
  readonly isOfTheVault: boolean;
  readonly receivedAt: bigint;
  readonly segment: string;
  /** Of its batch, in the log; and its place there. */
  readonly entry: number;
  readonly place: number;
}

export interface SealedStore {
  readonly entries: readonly Buffer[];
  readonly log: readonly Entry[];
  readonly runs: readonly SealedRun[];
}

/** Gives a segment's data key out of what lies in secrets/vault, by its bucket's key or by that of a hold. */
export function dataKeyOf(image: DiskImage, paths: Layout, keys: SoftwareKeys): (segment: string) => Buffer | null {
  return (segment) => {
    const directory = image.find(paths.dataKeys);
    if (directory?.kind !== 'directory') return null;
    for (const [name, node] of directory.cache) {
      if (!name.startsWith(segment) || !name.endsWith('.key') || node.kind !== 'file') continue;
      const wrapped = decodeWrappedKey(Buffer.from(node.cache));
      if (!keys.isDestroyed(wrapped.keyId)) return keys.unwrapNow(wrapped.keyId, wrapped, wrappingContext(keys.key.name, segment, wrapped.keyId));
    }
    return null;
  };
}

/** All that the published log leads to and did not condemn, read without a word of the vault's own code for reading. */
export function readStore(image: DiskImage, paths: Layout, keys: SoftwareKeys): SealedStore {
  const reader = storeView(image, paths.store);
  const dataKeys = new Map<string, XaesKey>();
  const dataKey = dataKeyOf(image, paths, keys);
  const entries = [...logEntries(reader)];
  const log = entries.map(decodeEntry);
  const destroyed = log.flatMap((entry) => (entry.kind === 'destroy' ? [entry.segments] : []));
  const runs: SealedRun[] = [];
  for (const [index, entry] of log.entries()) {
    if (entry.kind !== 'batch' || destroyed.some((ranges) => inRanges(ranges, entry.segment))) continue;
    const key = dataKeys.get(entry.segment) ?? xaesKey(dataKey(entry.segment) ?? lost(entry.segment));
    dataKeys.set(entry.segment, key);
    for (const [place, run] of decodeBatch(openFrame(key, entry.header, frameOf(reader, entry))).runs.entries()) runs.push(sealedRun(run, entry.segment, index, place));
  }
  return { entries, log, runs };
}

/** A run with its place, as the batch in the store has it. */
export function sealedRun(run: BatchRun, segment: string, entry: number, place: number): SealedRun {
  const { stream, source, protocol, kind, asserter, receivedAt } = decodeContext(run.context);
  return {
    stream: stream.toString('hex'), source, protocol, kind, first: run.firstSequence, records: [...recordsOf([run])].map(({ raw }) => raw.toString()),
    isOfTheVault: asserter.endsWith('/vault'), receivedAt, segment, entry, place,
  };
}

function lost(segment: string): never {
  throw new Violation(`no key opens segment ${segment}, which nobody destroyed`);
}

function* logEntries(reader: StoreReader): Generator<Buffer> {
  const size = Number(reader.readFile('log/checkpoint')!.toString().split('\n')[1]);
  for (let bundle = 0; bundle * TILE_WIDTH < size; bundle += 1) {
    const width = Math.min(TILE_WIDTH, size - bundle * TILE_WIDTH);
    yield* decodeBundle(reader.readFile(`log/${bundlePath(bundle, width)}`)!, width);
  }
}

/** Of the last part that begins at or before it. */
function frameOf(reader: StoreReader, { segment, offset, length }: BatchEntry): Buffer {
  const parts = reader.list('segments').flatMap((name) => {
    const part = parsePartName(name);
    return part?.segment === segment && part.offset <= offset ? [{ name, offset: part.offset }] : [];
  });
  const last = parts.sort((a, b) => a.offset - b.offset || a.name.length - b.name.length).at(-1);
  const frame = reader.readAt(`segments/${last?.name}`, offset - (last?.offset ?? 0), length);
  if (frame === null) throw new Violation(`segment ${segment} is gone, which nobody destroyed`);
  return frame;
}

/** Every segment that the log closed has its line. Throws what is wrong with a line. */
function checksumsIn(image: DiskImage, paths: Layout): ReadonlyMap<string, Checksum> {
  const file = image.find(`${paths.vaultState}/checksums`);
  const found = parseChecksums(file?.kind === 'file' ? file.cache.toString() : '');
  for (const bytes of logEntries(storeView(image, paths.store))) {
    const entry = decodeEntry(bytes);
    if (entry.kind === 'close' && found.get(entry.segment)?.digest.equals(entry.digest) !== true) throw new Violation(`the checksum database lacks the line of segment ${entry.segment}`);
  }
  return found;
}

export function verdictOn(image: DiskImage, paths: Layout, keys: SoftwareKeys, checksums?: ReadonlyMap<string, Checksum>): Verdict {
  const remembered = image.find(`${paths.vaultState}/remembered`);
  return verifyStore(storeView(image, paths.store), {
    key: keys.key, dataKey: dataKeyOf(image, paths, keys), remembered: remembered?.kind === 'file' ? [remembered.cache.toString()] : [],
    ...(checksums === undefined ? {} : { checksums }),
  });
}

/** The verifier's word on the store. Throws `Violation` unless it holds in all. */
export function checkVerified(image: DiskImage, paths: Layout, keys: SoftwareKeys, hasChecksums = false): void {
  const verdict = verdictOn(image, paths, keys, hasChecksums ? checksumsIn(image, paths) : undefined);
  if (!verdict.ok) throw new Violation(`verify: ${verdict.failures.map(({ code, where, detail }) => `${code} ${where}: ${detail}`).join('; ')}`);
  // While a destruction is under way the keys may be gone of what is still there.
  const isUnderWay = verdict.contents.startsWith('not checked: there is no data key for ') && isDestroying(image, paths);
  if (verdict.contents !== 'checked' && !isUnderWay) throw new Violation(`verify: contents ${verdict.contents}`);
}

function isDestroying(image: DiskImage, paths: Layout): boolean {
  let open = 0;
  for (const bytes of logEntries(storeView(image, paths.store))) {
    const { kind } = decodeEntry(bytes);
    open += kind === 'destroy' ? 1 : kind === 'destroyed' ? -1 : 0;
  }
  return open > 0;
}

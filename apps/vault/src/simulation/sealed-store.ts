// SPDX-License-Identifier: Apache-2.0
// The store as anybody finds it who has its keys, and the verifier's word on it.
import {
  TILE_WIDTH, bundlePath, decodeBatch, decodeBundle, decodeContext, decodeEntry, decodeWrappedKey, openFrame, parsePartName, recordsOf, verifyStore, wrappingContext, xaesKey,
  type BatchEntry, type RunKind, type StoreReader, type Verdict, type XaesKey,
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
}

export interface SealedStore {
  readonly entries: readonly Buffer[];
  readonly runs: readonly SealedRun[];
}

/** Gives a segment's data key out of what lies in secrets/vault. */
export function dataKeyOf(image: DiskImage, paths: Layout, keys: SoftwareKeys): (segment: string) => Buffer | null {
  return (segment) => {
    const node = image.find(`${paths.dataKeys}/${segment}.key`);
    if (node?.kind !== 'file') return null;
    const wrapped = decodeWrappedKey(Buffer.from(node.cache));
    return keys.unwrapNow(wrapped.keyId, wrapped, wrappingContext(keys.key.name, segment, wrapped.keyId));
  };
}

/** All that the published log leads to, read without a word of the vault's own code for reading. */
export function readStore(image: DiskImage, paths: Layout, keys: SoftwareKeys): SealedStore {
  const reader = storeView(image, paths.store);
  const dataKeys = new Map<string, XaesKey>();
  const dataKey = dataKeyOf(image, paths, keys);
  const entries: Buffer[] = [];
  const runs: SealedRun[] = [];
  for (const bytes of logEntries(reader)) {
    entries.push(bytes);
    const entry = decodeEntry(bytes);
    if (entry.kind !== 'batch') continue;
    const key = dataKeys.get(entry.segment) ?? xaesKey(dataKey(entry.segment)!);
    dataKeys.set(entry.segment, key);
    for (const run of decodeBatch(openFrame(key, entry.header, frameOf(reader, entry))).runs) {
      const context = decodeContext(run.context);
      const records = [...recordsOf([run])].map(({ raw }) => raw.toString());
      runs.push({ stream: context.stream.toString('hex'), source: context.source, protocol: context.protocol, kind: context.kind, first: run.firstSequence, records, isOfTheVault: context.asserter.endsWith('/vault') });
    }
  }
  return { entries, runs };
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
  return reader.readAt(`segments/${last?.name}`, offset - (last?.offset ?? 0), length)!;
}

export function verdictOn(image: DiskImage, paths: Layout, keys: SoftwareKeys): Verdict {
  const remembered = image.find(`${paths.vaultState}/remembered`);
  return verifyStore(storeView(image, paths.store), {
    key: keys.key, dataKey: dataKeyOf(image, paths, keys), remembered: remembered?.kind === 'file' ? [remembered.cache.toString()] : [],
  });
}

/** The verifier's word on the store. Throws `Violation` unless it holds in all. */
export function checkVerified(image: DiskImage, paths: Layout, keys: SoftwareKeys): void {
  const verdict = verdictOn(image, paths, keys);
  if (!verdict.ok) throw new Violation(`verify: ${verdict.failures.map(({ code, where, detail }) => `${code} ${where}: ${detail}`).join('; ')}`);
  if (verdict.contents !== 'checked') throw new Violation(`verify: contents ${verdict.contents}`);
}

// SPDX-License-Identifier: Apache-2.0
// Tampering with segments/: the evidence itself.
import { FRAME_HEADER_BYTES, decodeBundle, decodeEntry, openCheckpoint, bundlePath, partName, type BatchEntry, type CloseEntry, type Entry } from '@strongroom/evidence';
import { flip, put, remove, swap, truncate, type Subject, type Tampering } from './tampered-files.ts';

export function segmentTamperings(subject: Subject): Tampering[] {
  const entries = entriesOf(subject);
  const batches = entries.filter((entry) => entry.kind === 'batch').filter((entry) => placeOf(subject, entry) !== null);
  const closes = entries.filter((entry) => entry.kind === 'close');
  const [first, last] = [batches[0], batches.at(-1)];
  return [
    ...(first === undefined ? [] : ofHeader(subject, first)),
    ...[...new Set([first, last])].flatMap((entry) => (entry === undefined ? [] : [...ofFrame(subject, entry)])),
    ...ofWholeSegments(subject, closes),
    ...ofSegmentFiles(subject, batches),
  ];
}

function entriesOf({ files, key }: Subject): Entry[] {
  const { size } = openCheckpoint(files.get('log/checkpoint')!.toString(), key);
  const bundles = Array.from({ length: Math.ceil(size / 256) }, (_, index) => ({ index, width: Math.min(256, size - index * 256) }));
  return bundles.flatMap(({ index, width }) => decodeBundle(files.get(`log/${bundlePath(index, width)}`)!, width).map(decodeEntry));
}

/** The file and the offset in it that hold a frame: the last part that begins at or before it. */
function placeOf({ files }: Subject, { segment, offset, length }: BatchEntry): { path: string; at: number } | null {
  const parts = [...files.keys()].flatMap((path) => {
    const match = /^segments\/([0-9a-f]{16})(?:\.([0-9]+))?\.seg$/.exec(path);
    return match?.[1] === segment ? [{ path, offset: Number(match[2] ?? 0), plain: match[2] === undefined }] : [];
  });
  const part = parts.toSorted((a, b) => a.offset - b.offset || Number(b.plain) - Number(a.plain)).findLast((one) => one.offset <= offset);
  return part === undefined || files.get(part.path)!.length < offset - part.offset + length ? null : { path: part.path, at: offset - part.offset };
}

function* ofHeader(subject: Subject, { segment }: BatchEntry): Generator<Tampering> {
  const path = `segments/${partName(segment, 0)}`;
  const originAt = 8 + 2;
  const idAt = originAt + subject.files.get(path)!.readUInt16BE(8);
  yield { name: `a bit of the format's name in ${path}`, code: 'segment.header', apply: flip(path, 5) };
  yield { name: `a bit of the origin in ${path}`, code: 'segment.header', apply: flip(path, originAt) };
  yield { name: `a bit of the segment id in ${path}`, code: 'segment.header', apply: flip(path, idAt + 7) };
  yield { name: `a bit of the time in ${path}`, code: 'segment.header', apply: flip(path, idAt + 15) };
}

function* ofFrame(subject: Subject, entry: BatchEntry): Generator<Tampering> {
  const { path, at } = placeOf(subject, entry)!;
  const code = 'segment.frame-digest';
  const where = `frame ${entry.frame} of ${path}`;
  yield { name: `a bit of the magic of ${where}`, code, apply: flip(path, at) };
  yield { name: `a bit of the index of ${where}`, code, apply: flip(path, at + 7) };
  yield { name: `a bit of the flags of ${where}`, code, apply: flip(path, at + 8, 1) };
  yield { name: `a bit of the nonce of ${where}`, code, apply: flip(path, at + 30) };
  yield { name: `a bit of the sealed bytes of ${where}`, code, apply: flip(path, at + FRAME_HEADER_BYTES + 1) };
  yield { name: `a bit of the tag of ${where}`, code, apply: flip(path, at + entry.length - 1) };
  yield { name: `${where} is cut by an octet`, code: 'segment.truncated', apply: truncate(path, at + entry.length - 1) };
  yield { name: `${where} is missing`, code: 'segment.truncated', apply: truncate(path, at) };
}

function* ofWholeSegments({ files }: Subject, closes: readonly CloseEntry[]): Generator<Tampering> {
  const whole = closes.find((close) => close.state === 'whole' && files.get(`segments/${partName(close.segment, 0)}`)?.length === close.length);
  if (whole === undefined) return;
  const path = `segments/${partName(whole.segment, 0)}`;
  yield { name: `a bit of the final frame of ${path}`, code: 'segment.closed-digest', apply: flip(path, -1) };
  yield { name: `the final frame of ${path} is marked as none`, code: 'segment.final-frame', apply: flip(path, 8 - FRAME_HEADER_BYTES - 16) };
  yield { name: `${path} is cut by an octet`, code: 'segment.truncated', apply: truncate(path, whole.length - 1) };
  yield { name: `octets after the end of ${path}`, code: 'segment.trailing', apply: (copy) => put(path, Buffer.concat([copy.get(path)!, Buffer.of(0)]))(copy) };
}

function* ofSegmentFiles(subject: Subject, batches: readonly BatchEntry[]): Generator<Tampering> {
  const segments = [...new Set(batches.map((batch) => batch.segment))];
  const paths = segments.map((segment) => `segments/${partName(segment, 0)}`);
  for (const path of paths) {
    yield { name: `${path} is deleted`, code: 'segment.missing', apply: remove(path) };
    yield { name: `${path} is empty`, code: 'segment.truncated', apply: truncate(path, 0) };
  }
  const recovered = batches.find((batch) => !paths.includes(placeOf(subject, batch)!.path));
  if (recovered !== undefined) yield* ofRecoveredPart(subject, recovered);
  if (paths.length > 1) yield { name: 'two segments change places', code: 'segment.header', apply: swap(paths[0]!, paths[1]!) };
}

function* ofRecoveredPart(subject: Subject, batch: BatchEntry): Generator<Tampering> {
  const { path, at } = placeOf(subject, batch)!;
  yield { name: `a bit of ${path}`, code: 'segment.frame-digest', apply: flip(path, at + FRAME_HEADER_BYTES) };
  // What the crash interrupted may hold the same octets: then nothing is lost with the part.
  const short = subject.files.get(`segments/${partName(batch.segment, 0)}`)!.length < batch.offset + batch.length;
  if (short) yield { name: `${path} is deleted`, code: 'segment.truncated', apply: remove(path) };
}

// SPDX-License-Identifier: Apache-2.0
// Is this store what its checkpoint says? Reads everything that the checkpoint covers, names all that is wrong, and
// trusts nothing but the log's key and SHA-256. Memory does not grow with what is stored, only by a few words for each
// segment.
import { decodeEntry, type Entry } from '../entry.ts';
import type { Checkpoint, NoteKey } from '../note.ts';
import type { TimestampTrust } from '../timestamp/index.ts';
import type { Rotation } from '../rotation.ts';
import { compareRemembered, hasMoved, rememberedCheckpoints, storeCheckpoint } from './checkpoint.ts';
import { Checksums, type Checksum } from './checksums.ts';
import { verifyCommitLog } from './commit-log.ts';
import { Contents, type DataKeys, type Independent } from './contents.ts';
import { Destructions } from './destructions.ts';
import { LogFiles } from './log-files.ts';
import { judgeRollback, type RollbackTools } from './rollback.ts';
import { Releases } from './releases.ts';
import { Rotations } from './rotations.ts';
import { walkLog } from './log.ts';
import { judgeProtection, type Protection } from './protection.ts';
import { SegmentFiles } from './segment-files.ts';
import { Segments } from './segments.ts';
import { GuardedReader, type StoreReader } from './store-reader.ts';
import { noteUnknownFiles, uncommittedBytes } from './surroundings.ts';
import { Timestamps } from './timestamps.ts';
import { storeWitnessed } from './witnessed.ts';
import type { Policy } from '../witness/policy.ts';
import { Findings, NO_TIMESTAMPS, reason, type TimestampsFound, type Verdict, type Witnessed } from './verdict.ts';

export interface VerifyOptions {
  /** One of the log's keys, from elsewhere than the store; rotations lead to the others. */
  readonly key: NoteKey;
  /** Rotations of this log that were kept outside the store: one that the store lacks is a failure, and is still followed. */
  readonly rotations?: readonly Rotation[];
  /** Without it contents are not checked, and the verdict says so. */
  readonly dataKey?: DataKeys;
  /** Signed notes of this log that were kept outside the store. */
  readonly remembered?: readonly string[];
  /** Digests of closed segments that were kept outside the store, by segment id. */
  readonly checksums?: ReadonlyMap<string, Checksum>;
  /** Certificate (DER) of the deployment's CA, which orders to destroy must name; without it their own word is taken. */
  readonly authority?: Buffer;
  /** An older copy is looked at on purpose: being older than what is remembered is a fact, no failure. */
  readonly asOf?: boolean;
  /** Of a live store: how to see what its file system holds. */
  readonly protection?: Protection;
  /** Which batches are hashed without the bulk hasher, if this process was given one. */
  readonly independent?: Independent;
  /** Roots of the authority whose timestamps are kept; without them these are counted and not checked. */
  readonly trust?: TimestampTrust;
  /** Whose cosignatures `store/witnessed` must carry. */
  readonly policy?: Policy;
  /** Called often; octets of segments read and to read. */
  readonly progress?: (done: number, total: number) => void;
}

/**
 * Verifies a store, live or a copy. Never throws on what it finds there; only what `dataKey` throws comes through, unless
 * that is a `Refused`, which is a failure of its segment.
 */
export function verifyStore(store: StoreReader, options: VerifyOptions): Verdict {
  const findings = new Findings();
  const reader = new GuardedReader(store, findings);
  // First of all: on a live store everything else grows while it is read.
  const rotations = new Rotations(reader, options.key, options.rotations ?? [], findings);
  const key = rotations.keys;
  const witnessed = storeWitnessed(reader, key, options.policy, findings); // before the checkpoint, which is then never older
  const checkpoint = storeCheckpoint(reader, key, findings);
  if (checkpoint === null) return verdict({ findings, logSize: 0, segments: null, destructions: null, uncommitted: 0, contents: 'not checked: there is no checkpoint to go by', protection: 'not looked at', timestamps: NO_TIMESTAMPS, witnessed: null });
  const segmentFiles = new SegmentFiles(reader, findings);
  const contents = new Contents(options.dataKey, options.independent ?? (() => false), findings);
  const checksums = new Checksums(options.checksums ?? new Map(), segmentFiles, findings);
  const progress = progressOf(segmentFiles, options);
  const segments = new Segments({ files: segmentFiles, origin: checkpoint.origin, contents, checksums, findings, progress });
  const logFiles = new LogFiles(reader, findings, () => hasMoved(reader, key, checkpoint.size));
  const destructions = new Destructions({ reader, origin: checkpoint.origin, authority: options.authority ?? null, findings });
  const releases = new Releases({ reader, origin: checkpoint.origin, authority: options.authority ?? null, findings });
  const timestamps = new Timestamps(reader, findings, { key, trust: options.trust, asOf: options.asOf === true });
  const found = judgeLog(logFiles, checkpoint, { segments, destructions, releases, timestamps, rotations, witnessed: witnessed.checkpoint, rollback: { reader, authority: options.authority ?? null, findings } }, findings, options);
  segments.end();
  const tilesHold = !findings.failures.some((failure) => failure.code.startsWith('log.'));
  verifyCommitLog({ reader, files: logFiles, key, checkpoint, tilesHold, findings });
  checksums.end(options.asOf === true, (segment) => segments.state(segment)?.destroyed === true);
  noteUnknownFiles(reader, findings);
  const held = options.protection === undefined ? 'not looked at' : judgeProtection(options.protection, segmentFiles, segments, findings);
  const uncommitted = uncommittedBytes(segmentFiles, segments, findings);
  return verdict({ findings, logSize: checkpoint.size, segments, destructions, uncommitted, contents: contents.end(), protection: held, timestamps: found, witnessed: witnessed.said });
}

interface Judges {
  readonly segments: Segments;
  readonly destructions: Destructions;
  readonly releases: Releases;
  readonly timestamps: Timestamps;
  readonly rotations: Rotations;
  readonly witnessed: Checkpoint | null;
  readonly rollback: RollbackTools;
}

function judgeLog(files: LogFiles, checkpoint: Checkpoint, judges: Judges, findings: Findings, options: VerifyOptions): TimestampsFound {
  const remembered = [...rememberedCheckpoints(options.remembered ?? [], judges.rotations.keys, findings), ...(judges.witnessed === null ? [] : [judges.witnessed])];
  const sizes = [...remembered.map((one) => one.size), ...judges.destructions.sizes(), ...judges.rotations.sizes, ...judges.timestamps.sizes].filter((size) => size < checkpoint.size);
  const lost = (): void => judges.segments.lost();
  const roots = walkLog(files, checkpoint, sizes, { entry: (index, bytes) => judgeEntry(index, bytes, judges, findings), lost }, findings);
  const rootAt = (size: number): Buffer | undefined => (size === checkpoint.size ? checkpoint.root : roots.get(size));
  judges.rotations.end(checkpoint.size, rootAt);
  compareRemembered(remembered, checkpoint, rootAt, options.asOf === true, findings);
  judges.destructions.end(rootAt);
  judges.releases.end(rootAt);
  return judges.timestamps.judge(checkpoint, (size) => roots.get(size));
}

function judgeEntry(index: number, bytes: Buffer, { segments, destructions, releases, rotations, rollback }: Judges, findings: Findings): void {
  let entry: Entry;
  try {
    entry = decodeEntry(bytes);
  } catch (error) {
    findings.fail('log.entry', `log entry ${index}`, reason(error));
    segments.lost();
    return;
  }
  if (entry.kind === 'batch') segments.batch(entry, index);
  if (entry.kind === 'close') segments.close(entry, index);
  if (entry.kind === 'destroy') destructions.destroy(entry, index, segments.states);
  if (entry.kind === 'destroyed') destructions.destroyed(entry, index);
  if (entry.kind === 'release') releases.release(entry, index);
  if (entry.kind === 'rotate') rotations.entry(entry, index);
  if (entry.kind === 'rollback') judgeRollback(entry, index, rollback);
}

function progressOf(files: SegmentFiles, { progress }: VerifyOptions): (octets: number) => void {
  if (progress === undefined) return () => undefined;
  let total = 0;
  for (const segment of files.segments()) total += files.length(segment);
  let done = 0;
  return (octets) => progress((done += octets), Math.max(total, done));
}

interface Judged {
  readonly findings: Findings;
  readonly logSize: number;
  readonly segments: Segments | null;
  readonly destructions: Destructions | null;
  readonly uncommitted: number;
  readonly contents: string;
  readonly protection: string;
  readonly timestamps: TimestampsFound;
  readonly witnessed: Witnessed | null;
}

function verdict({ findings, logSize, segments, destructions, uncommitted, contents, protection, timestamps, witnessed }: Judged): Verdict {
  const { failures, failuresOmitted, facts, factsOmitted, degraded } = findings;
  return {
    ok: failures.length === 0, degraded, records: segments?.records ?? 0, batches: segments?.batches ?? 0, segments: segments?.count ?? 0,
    destroyedSegments: destructions?.segments ?? 0, destroyedRecords: destructions?.records ?? 0,
    logSize, uncommittedBytes: uncommitted, contents, protection, timestamps, witnessed, failures, failuresOmitted, facts, factsOmitted,
  };
}

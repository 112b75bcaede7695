// SPDX-License-Identifier: Apache-2.0
// Builds valid stores in memory with keys in software, for tests that need no service. It follows docs/FORMAT.md with the
// formats of libs/evidence; what tells whether those are right is verifiers that share no code with them.
import { createCipheriv, createHash, generateKeyPairSync, hash, randomBytes, sign, type KeyObject } from 'node:crypto';
import {
  KIND, LogTree, batchRoot, checkpointText, encodeBatch, encodeCommit, encodeEntry, encodeRotation, encodeSegmentHeader, rotationName, encodeWrappedKey, keyCommitment,
  parseVkey, partName, sealFrame, segmentHeaderDigest, segmentName, signatureLine, vkeyLine, wrappingContext, xaesKey,
  type BatchEntry, type CloseEntry, type Cycle, type Entry, type NoteKey, type Snapshot, type XaesKey,
} from '@strongroom/evidence';
import { BuiltStream, syslogMessage, type BuiltRun } from './built-stream.ts';

export interface StoreOptions {
  readonly origin?: string;
  readonly wrappingKeyId?: string;
  /** Without one the store is what is left when only log and segments were copied. */
  readonly commitLog?: boolean;
}

export interface BuiltStore {
  /** By path in the store. Change, add and remove as a test needs. */
  readonly files: Map<string, Buffer>;
  readonly origin: string;
  readonly vkey: string;
  readonly key: NoteKey;
  readonly checkpoint: string;
  readonly size: number;
  readonly records: number;
  readonly batches: number;
  readonly dataKeys: ReadonlyMap<string, Buffer>;
  /** `<segment>.key` and its bytes: docs/FORMAT.md section 3. */
  readonly wrappedKeys: ReadonlyMap<string, Buffer>;
  readonly wrappingKeyId: string;
  readonly wrappingKey: Buffer;
  /** Lines of the checksum database. */
  readonly checksums: string;
  /** Signs another checkpoint of this log, true or not. */
  readonly signCheckpoint: (size: number, root: Buffer) => string;
}

interface BuiltKey {
  readonly vkey: string;
  readonly key: NoteKey;
  readonly privateKey: KeyObject;
}

function newKey(origin: string): BuiltKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const vkey = vkeyLine(origin, publicKey.export({ type: 'spki', format: 'der' }));
  return { vkey, key: parseVkey(vkey), privateKey };
}

interface OpenedSegment {
  readonly id: number;
  readonly name: string;
  readonly key: XaesKey;
  readonly header: Buffer;
  readonly headerDigest: Buffer;
  readonly frames: Buffer[];
}

/** The time of the first thing that a store built here tells of. */
const BEGIN = 1_790_000_000_000_000_000n;
const STEP_NS = 1_000_000n;

export class StoreBuilder {
  readonly origin: string;
  readonly wrappingKeyId: string;
  /** Without NUL and LF: softhsm2-util, by which a test imports it into a token, takes a key file only up to the first. */
  readonly wrappingKey: Buffer = Buffer.from(randomBytes(32).map((octet) => (octet === 0 || octet === 10 ? 1 : octet)));
  readonly files = new Map<string, Buffer>();
  #keys: BuiltKey;
  readonly #withCommitLog: boolean;
  readonly #tree = new LogTree();
  readonly #dataKeys = new Map<string, Buffer>();
  readonly #wrappedKeys = new Map<string, Buffer>();
  readonly #checksums: string[] = [];
  #pending: Buffer[] = [];
  #segment: OpenedSegment | null = null;
  #nextSegment = 1;
  #commit: { name: string; parts: Buffer[]; digest: Buffer } | null = null;
  #serial = 0;
  #checkpoint = '';
  #rotatesTo: BuiltKey | null = null;
  #now = BEGIN;
  #totals = { records: 0, batches: 0, bytes: 0 };

  constructor(options: StoreOptions = {}) {
    this.origin = options.origin ?? 'strongroom.test/log';
    this.#keys = newKey(this.origin);
    this.wrappingKeyId = options.wrappingKeyId ?? 'default/2027-11/00112233445566ee';
    this.#withCommitLog = options.commitLog ?? true;
    this.turnCommitLog();
  }

  /** The log's present key. */
  get vkey(): string {
    return this.#keys.vkey;
  }

  get key(): NoteKey {
    return this.#keys.key;
  }

  /** Nanoseconds, rising with each call. */
  tick(): bigint {
    return (this.#now += STEP_NS);
  }

  heartbeat(): this {
    return this.#entry({ kind: 'heartbeat', time: this.tick() });
  }

  start(rewritten = 0): this {
    return this.#entry({ kind: 'start', time: this.tick(), size: this.#tree.size, rewritten });
  }

  /** A batch in the open segment; opens one where there is none. `lie`: what its entry says against the truth. */
  batch(runs: readonly BuiltRun[], lie: Partial<BatchEntry> = {}): this {
    const segment = (this.#segment ??= this.#openSegment());
    const seed = randomBytes(32);
    const frame = Buffer.concat(sealFrame(segment.key, segment.headerDigest, segment.frames.length, encodeBatch(seed, runs)));
    const times = runs.map((run) => run.receivedAt).toSorted((a, b) => (a < b ? -1 : 1));
    const records = runs.reduce((sum, run) => sum + run.count, 0);
    const bytes = runs.reduce((sum, run) => sum + run.data.length, 0);
    this.#entry({
      kind: 'batch', records, bytes, from: times[0] ?? 0n, to: times.at(-1) ?? 0n, root: batchRoot(seed, runs), segment: segment.name, header: segment.headerDigest,
      frame: segment.frames.length, offset: this.#segmentLength(), length: frame.length, digest: hash('sha256', frame, 'buffer'), key: this.wrappingKeyId, ...lie,
    });
    segment.frames.push(frame);
    this.#totals = { records: this.#totals.records + records, batches: this.#totals.batches + 1, bytes: this.#totals.bytes + bytes };
    return this;
  }

  #segmentLength(): number {
    const { header, frames } = this.#segment!;
    return frames.reduce((sum, frame) => sum + frame.length, header.length);
  }

  #openSegment(): OpenedSegment {
    const id = this.#nextSegment;
    const name = segmentName(id);
    const dataKey = randomBytes(32);
    const header = encodeSegmentHeader({
      origin: this.origin, id: name, createdAt: this.tick(), retentionClass: 'default', bucket: '2027-11', keyId: this.wrappingKeyId, commitment: keyCommitment(dataKey, name),
    });
    this.#nextSegment += 1;
    this.#dataKeys.set(name, dataKey);
    this.#wrappedKeys.set(`${name}.key`, this.#wrap(name, dataKey));
    return { id, name, key: xaesKey(dataKey), header, headerDigest: segmentHeaderDigest(header), frames: [] };
  }

  #wrap(segment: string, dataKey: Buffer): Buffer {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.wrappingKey, iv, { authTagLength: 16 });
    cipher.setAAD(wrappingContext(this.origin, segment, this.wrappingKeyId));
    const ciphertext = Buffer.concat([cipher.update(dataKey), cipher.final()]);
    return encodeWrappedKey({ keyId: this.wrappingKeyId, iv, ciphertext, tag: cipher.getAuthTag() });
  }

  /** Closes the open segment in order. `last`: what its final frame holds instead of nothing. */
  closeSegment(lie: Partial<CloseEntry> = {}, last: Buffer = Buffer.alloc(0), isFinal = true): this {
    const segment = this.#segment!;
    segment.frames.push(Buffer.concat(sealFrame(segment.key, segment.headerDigest, segment.frames.length, last, isFinal)));
    this.files.set(`segments/${partName(segment.name, 0)}`, Buffer.concat([segment.header, ...segment.frames]));
    return this.#close('whole', lie);
  }

  /**
   * The open segment as a crash and the recovery after it leave it: torn bytes at the end of its file, and the last
   * `rewritten` frames in a part of their own.
   */
  tearSegment(rewritten = 1, torn: Buffer = randomBytes(100), lie: Partial<CloseEntry> = {}): this {
    const segment = this.#segment!;
    const kept = segment.frames.length - rewritten;
    const first = Buffer.concat([segment.header, ...segment.frames.slice(0, kept)]);
    this.files.set(`segments/${partName(segment.name, 0)}`, Buffer.concat([first, torn]));
    if (rewritten > 0) this.files.set(`segments/${segment.name}.${first.length}.seg`, Buffer.concat(segment.frames.slice(kept)));
    return this.#close('torn', lie);
  }

  #close(state: 'whole' | 'torn', lie: Partial<CloseEntry>): this {
    const { name, header, frames } = this.#segment!;
    const digest = frames.reduce((sum, frame) => sum.update(frame), createHash('sha256').update(header)).digest();
    const length = this.#segmentLength();
    this.#checksums.push(`${digest.toString('hex')}  ${name}  ${length}\n`);
    this.#segment = null;
    return this.#entry({ kind: 'close', segment: name, frames: frames.length, length, digest, state, ...lie });
  }

  #entry(entry: Entry): this {
    return this.entryBytes(encodeEntry(entry));
  }

  /** Any bytes as the next entry of the log. */
  entryBytes(bytes: Buffer): this {
    this.#pending.push(bytes);
    return this;
  }

  /** The last entry once more. */
  repeatLast(): this {
    return this.entryBytes(this.#pending.at(-1)!);
  }

  /** Ends a cycle: its entries join the tree under a signed checkpoint, and the commit log gets its record. */
  commit(): this {
    const cycle = { kind: 'cycle', sizeBefore: this.#tree.size, entries: this.#pending, producers: [] } as const;
    for (const entry of this.#pending) this.#tree.append(entry);
    this.#pending = [];
    this.#checkpoint = this.signCheckpoint(this.#tree.size, this.#tree.root());
    this.#record({ ...cycle, checkpoint: this.#checkpoint });
    return this;
  }

  /** Ends a cycle with a new key for the log: both sign, the new one alone from the next cycle on. `kept`: its proof lies in rotations/. */
  rotate(kept = true): this {
    const [before, next] = [this.#keys, newKey(this.origin)];
    const entry = encodeEntry({ kind: 'rotate', time: this.tick(), from: before.vkey, to: next.vkey });
    this.entryBytes(entry);
    this.#rotatesTo = next;
    this.commit();
    this.#rotatesTo = null;
    this.#keys = next;
    const { size } = this.#tree;
    const path = this.#tree.lastEntryPath();
    if (kept) this.files.set(`rotations/${rotationName(size)}`, Buffer.from(encodeRotation(entry, size - 1, path, this.#checkpoint)));
    return this;
  }

  /** Begins a new file of the commit log with a snapshot; the one before stays. */
  turnCommitLog(): this {
    const { size } = this.#tree;
    this.#serial += 1;
    this.#commit = { name: `commit/${size.toString(16).padStart(16, '0')}-${String(this.#serial).padStart(4, '0')}.commit`, parts: [], digest: Buffer.alloc(32) };
    const open = this.#segment === null ? [] : [{ id: this.#segment.id, length: this.#segmentLength(), frames: this.#segment.frames.length }];
    this.#record({ kind: 'snapshot', size, totals: this.#totals, nextSegment: this.#nextSegment, open, holds: [], destroying: [], producers: [], checkpoint: this.#checkpoint });
    return this;
  }

  #record(record: Snapshot | Cycle): void {
    if (!this.#withCommitLog) return;
    const commit = this.#commit!;
    const { bytes, digest } = encodeCommit(commit.digest, record);
    commit.parts.push(bytes);
    commit.digest = digest;
    this.files.set(commit.name, Buffer.concat(commit.parts));
  }

  signCheckpoint(size: number, root: Buffer): string {
    return this.signText(checkpointText({ origin: this.origin, size, root }));
  }

  /** Any text as a note of the log's key. */
  signText(text: string): string {
    return this.#signed(text, [this.#keys, ...(this.#rotatesTo === null ? [] : [this.#rotatesTo])]);
  }

  #signed(text: string, both: readonly BuiltKey[]): string {
    return `${text}\n${both.map(({ key, privateKey }) => signatureLine(key, sign(null, Buffer.from(text), privateKey))).join('')}`;
  }

  /** Commits what is pending, publishes all of it, and gives the store as it then is. The builder may go on. */
  build(): BuiltStore {
    if (this.#pending.length > 0 || this.#checkpoint === '') this.commit();
    for (const path of this.files.keys()) if (path.includes('.p/')) this.files.delete(path);
    for (const { path, bytes } of this.#tree.takeFiles()) this.files.set(`log/${path}`, bytes);
    this.files.set('log/checkpoint', Buffer.from(this.#checkpoint));
    const [open, keys] = [this.#segment, this.#keys];
    if (open !== null) this.files.set(`segments/${partName(open.name, 0)}`, Buffer.concat([open.header, ...open.frames]));
    return {
      files: new Map(this.files), origin: this.origin, vkey: this.vkey, key: this.key, checkpoint: this.#checkpoint, size: this.#tree.size,
      records: this.#totals.records, batches: this.#totals.batches, dataKeys: new Map(this.#dataKeys), wrappedKeys: new Map(this.#wrappedKeys),
      wrappingKeyId: this.wrappingKeyId, wrappingKey: this.wrappingKey, checksums: this.#checksums.join(''),
      signCheckpoint: (size, root) => this.#signed(checkpointText({ origin: this.origin, size, root }), [keys]),
    };
  }
}

/**
 * A store of exactly `entries` entries: batches in several segments (closed, torn, open) as far as there is room for
 * them, heartbeats for the rest.
 */
export function buildStore(entries: number, options: StoreOptions = {}): BuiltStore {
  const builder = new StoreBuilder(options);
  const stream = new BuiltStream(builder);
  const steps: (() => unknown)[] = [
    () => builder.start(),
    () => builder.batch([stream.run([syslogMessage(1), syslogMessage(2, 5000), ''])]),
    () => builder.batch([stream.run([syslogMessage(3)]), stream.run([Buffer.from('00ff80', 'hex')], { kind: KIND.cut, cut: { fullLength: 300_000n, fullHash: hash('sha256', 'long', 'buffer') } })]),
    () => builder.closeSegment(),
    () => builder.batch([stream.run(Array.from({ length: 300 }, (_, i) => syslogMessage(i)))]),
    () => builder.batch([stream.run([syslogMessage(4)])]),
    () => builder.tearSegment(),
    () => builder.start(1),
    () => builder.batch([stream.run([syslogMessage(5)]), stream.end()]),
  ];
  for (let i = 0; i < entries; i += 1) {
    (steps[i] ?? (() => builder.heartbeat()))();
    if (i % 7 === 6 && i < 700) builder.commit();
    if (i === 500) builder.turnCommitLog();
  }
  return builder.build();
}

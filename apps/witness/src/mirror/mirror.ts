// SPDX-License-Identifier: Apache-2.0
// A C2SP tlog-mirror that keeps a store's segments too. Its cosignature says more than a witness's: all entries that the
// checkpoint covers are durably here, and all octets of segments that those entries tell of.
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import {
  ADD_ENTRIES_PACKAGES_MAX, cosignatureLine, cosignedText, encodeMirrorInfo, judgeAddCheckpoint, leafHash, packagesOf, readAddEntriesHeader, readAnyCheckpoint, readPackage,
  rootOf, splitNote, verifySubtree, type AddEntriesHeader, type PackageSpan, type TakeOctets,
} from '@strongroom/evidence';
import type { CosignerKey } from '../cosign/cosigner-key.ts';
import type { Reply } from '../cosign/witness.ts';
import { originHash, type LogStates } from '../cosign/witnessed-logs.ts';
import { LogCopy } from './log-copy.ts';
import { SegmentCopies } from './segment-copies.ts';

/** Pending checkpoints that an upload may go on with. */
const PENDING_MAX = 16;
const TEXT = 'text/plain; charset=utf-8';

interface Pending {
  readonly root: Buffer;
  readonly note: string;
}

/** One log. Uploads may come at once: what is read of them is judged alone, what is kept is kept one after the other. */
class MirroredLog {
  readonly origin: string;
  readonly log: LogCopy;
  readonly segments: SegmentCopies;
  readonly pending = new Map<number, Pending>();
  #keeping: Promise<unknown> = Promise.resolve();

  constructor(directory: string, origin: string, note: string | null) {
    this.origin = origin;
    const home = join(directory, originHash(origin));
    this.segments = new SegmentCopies(home);
    this.log = new LogCopy(join(home, 'log'), (index, entry) => this.segments.entry(index, entry));
    if (note !== null) this.await(note);
  }

  await(note: string): void {
    const { size, root } = readAnyCheckpoint(splitNote(note).text);
    this.pending.delete(size);
    this.pending.set(size, { root, note });
    for (const old of this.pending.keys()) if (this.pending.size > PENDING_MAX) this.pending.delete(old);
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#keeping.then(work);
    this.#keeping = mine.catch(() => undefined);
    return mine;
  }
}

export interface MirrorFacts {
  /** Checkpoints to come, durable: what the witness protocol remembers. */
  readonly states: LogStates;
  readonly directory: string;
  readonly key: CosignerKey;
  readonly nowSeconds: () => number;
}

export class Mirror {
  readonly #facts: MirrorFacts;
  readonly #logs = new Map<string, MirroredLog>();
  readonly counts = { cosigned: 0, entries: 0, segmentBytes: 0 };

  /** Throws `Failed('mirror.damaged')` when what a checkpoint covers is not there. */
  constructor(facts: MirrorFacts) {
    this.#facts = facts;
    for (const origin of facts.states.origins) {
      this.#logs.set(originHash(origin), new MirroredLog(facts.directory, origin, facts.states.noteByHash(originHash(origin))));
    }
  }

  /** Like a witness's, but nothing is signed yet. */
  async addCheckpoint(body: Buffer): Promise<Reply> {
    const { states } = this.#facts;
    const judged = judgeAddCheckpoint(body, states);
    if (judged.status === 409) return { status: 409, type: 'text/x.tlog.size', body: `${judged.size}\n` };
    if (judged.status !== 200) return { status: judged.status, type: TEXT, body: `${judged.why}\n` };
    const log = this.#of(judged.head.origin);
    return log.exclusively(async () => {
      // It may have moved on while this one waited.
      const again = judgeAddCheckpoint(body, states);
      if (again.status !== 200) return { status: 409, type: 'text/x.tlog.size', body: `${states.last(log.origin)?.size ?? 0}\n` };
      await states.put(log.origin, again.head, again.head.note);
      log.await(again.head.note);
      return { status: 200, type: TEXT, body: '' };
    });
  }

  async addEntries(take: TakeOctets): Promise<Reply> {
    const header = await readAddEntriesHeader(take);
    const log = this.#logs.get(originHash(header.origin));
    if (log === undefined) return text(404, 'the origin is not known here');
    if (log.pending.size === 0) return text(422, 'no checkpoint of this log was handed in yet');
    const pending = log.pending.get(header.end);
    if (pending === undefined || header.end < log.log.committed || header.start > log.log.next) return this.#info(log, 409);
    const kept = await this.#takePackages(log, header, pending, take);
    if (kept === 'refused') return text(422, 'these are not the entries of that checkpoint');
    if (kept === 0 && header.start < header.end) return text(400, 'there is no whole package in the request');
    return log.log.next < header.end ? this.#info(log, 202, header.end) : this.#finish(log, header.end, pending);
  }

  async #takePackages(log: MirroredLog, header: AddEntriesHeader, pending: Pending, take: TakeOctets): Promise<number | 'refused'> {
    let kept = 0;
    for (const span of packagesOf(header.start, header.end)) {
      if (kept >= ADD_ENTRIES_PACKAGES_MAX) break;
      const read = await readPackage(span, take);
      if (read === null) break;
      const before = span.start > span.base ? log.log.entries(span.base, span.start) : [];
      try {
        verifySubtree(rootOf(Buffer.concat([...before, ...read.entries].map(leafHash))), span.base, span.end, header.end, read.proof, pending.root);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return 'refused';
      }
      await log.exclusively(() => this.#keep(log, span, read.entries));
      kept += 1;
    }
    return kept;
  }

  /** What another upload has kept meanwhile is the same: both were proven. */
  async #keep(log: MirroredLog, { start, end }: PackageSpan, entries: readonly Buffer[]): Promise<void> {
    const { next } = log.log;
    if (next < start || next >= end) return;
    const fresh = entries.slice(next - start);
    await log.log.add(fresh);
    fresh.forEach((entry, i) => log.segments.entry(next + i, entry));
    this.counts.entries += fresh.length;
  }

  /** The mirror's word is given when all is here, and kept before it leaves. */
  #finish(log: MirroredLog, size: number, pending: Pending): Promise<Reply> {
    return log.exclusively(async () => {
      if (size < log.log.committed) return this.#info(log, 409);
      if (!log.segments.isComplete(size)) return this.#info(log, 202, size);
      const { key, nowSeconds } = this.#facts;
      const seconds = nowSeconds();
      const line = cosignatureLine(key.key, seconds, await key.sign(Buffer.from(cosignedText(splitNote(pending.note).text, seconds))));
      await log.log.commit(pending.note + line, size);
      await log.segments.committed(size);
      this.counts.cosigned += 1;
      return { status: 200, type: TEXT, body: line };
    });
  }

  /** Which octets of segments are missing, a line for each segment: id, from, to. */
  wanted(hash: string): Reply {
    const log = this.#logs.get(hash);
    if (log === undefined) return text(404, 'the origin is not known here');
    return { status: 200, type: TEXT, body: log.segments.wanted().map(({ segment, from, to }) => `${segment} ${from} ${to}\n`).join('') };
  }

  async addSegment(hash: string, segment: string, from: number, take: TakeOctets): Promise<Reply> {
    const log = this.#logs.get(hash);
    if (log === undefined) return text(404, 'the origin is not known here');
    try {
      const length = await log.exclusively(() => log.segments.take(segment, from, take));
      this.counts.segmentBytes += length - from;
      return { status: 200, type: TEXT, body: `${length}\n` };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return text(error.code === 'mirror.offset' ? 409 : 422, error.why ?? error.message);
    }
  }

  /** The directory of one log's copy, for those who read it as C2SP tlog-tiles; null when it is unknown. */
  directoryOf(hash: string): string | null {
    return this.#logs.has(hash) ? join(this.#facts.directory, hash, 'log') : null;
  }

  #of(origin: string): MirroredLog {
    return this.#logs.get(originHash(origin))!;
  }

  #info(log: MirroredLog, status: 202 | 409, size?: number): Reply {
    const pendingSize = size ?? [...log.pending.keys()].at(-1) ?? 0;
    return { status, type: 'text/x.tlog.mirror-info', body: encodeMirrorInfo({ pendingSize, nextEntry: log.log.next, ticket: Buffer.alloc(0) }) };
  }
}

function text(status: number, why: string): Reply {
  return { status, type: TEXT, body: `${why}\n` };
}

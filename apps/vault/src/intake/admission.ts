// SPDX-License-Identifier: Apache-2.0
// From a submission as it arrives to runs that may be sealed: repeats are recognised, rights are checked, and numbers
// that a stream left out become a gap record.
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ByteWriter, Refused } from '@strongroom/bytes';
import { KIND, encodeContext, type BatchRun, type DenialState, type ProducerState, type ReceivedRun, type StreamState } from '@strongroom/evidence';
import { DEFAULT_CLASS } from '@strongroom/service';
import { unheard, type Producer, type Stream } from './producers.ts';

/** A run that is ready for a batch, with the fact that its manifest needs. */
export interface AdmittedRun extends BatchRun {
  readonly receivedAt: bigint;
  readonly retentionClass: string;
}

/** Waits in the vault's queue until a cycle commits it; unchanged however often a cycle is tried. */
export interface Admitted {
  readonly runs: readonly AdmittedRun[];
  readonly bytes: number;
  /** What the commit says of the producer; null for the vault's own records. */
  readonly state: ProducerState | null;
  /** Whether somebody waits for the commit. */
  readonly awaited: boolean;
  /** Called once it is durable. */
  readonly committed: () => void;
}

export interface Denial {
  readonly stream: Buffer;
  readonly code: string;
  readonly source: string;
}

/** The retention class of a run, by the facts of its receipt. */
export type ClassOf = (facts: Pick<ReceivedRun, 'source' | 'protocol'>) => string;

export const IN_DEFAULT: ClassOf = () => DEFAULT_CLASS;

/** Why a run may not be sealed, or null. */
export type Permit = (service: string, run: ReceivedRun) => string | null;

/** A gap that the vault saw: to be recorded by it. */
export interface Gap {
  readonly source: string;
  readonly stream: string;
  readonly expected: number;
  readonly found: number | null;
}

export interface Outcome {
  readonly runs: readonly AdmittedRun[];
  readonly state: ProducerState;
  readonly denials: readonly Denial[];
  readonly gaps: readonly Gap[];
}

/**
 * Tells a repeat from a mistake: a CRC suffices, because the line is authenticated and a service that wanted to deceive
 * would gain nothing by sending other bytes under a number that is not stored again. A hash of all bytes would cost as
 * much as a tenth of sealing them.
 */
export function submissionDigest(number: number, body: Buffer): Buffer {
  return hash('sha256', new ByteWriter(16).u64(number).u32(body.length).u32(crc32(body)).finish(), 'buffer');
}

/** The outcome of `work`, which is done when it is asked for first; what it holds is let go then. */
function once<T>(work: () => T): () => T {
  let pending: (() => T) | undefined = work;
  let outcome: T;
  return () => {
    if (pending !== undefined) outcome = pending();
    pending = undefined;
    return outcome;
  };
}

/** What is admitted of one life of a service; it runs ahead of what is committed. */
export class Admission {
  readonly service: string;
  readonly instance: Buffer;
  #number: number;
  #digest: () => Buffer;
  #resumable: boolean;
  readonly #streams: Map<string, Stream>;
  #denials: readonly DenialState[];
  #heard: number;
  readonly #hasRoom: () => boolean;
  /** Octets of its submissions that wait for a cycle. */
  waitingBytes = 0;

  /** `hasRoom`: whether its service may have more streams open. */
  constructor(service: string, instance: Buffer, committed: Producer | undefined, hasRoom: () => boolean = () => true) {
    this.service = service;
    this.#hasRoom = hasRoom;
    this.instance = Buffer.from(instance);
    this.#number = committed?.last ?? 0;
    const digest = committed?.digest ?? Buffer.alloc(32);
    this.#digest = () => digest;
    this.#resumable = (committed?.token.length ?? 0) > 0;
    this.#streams = new Map(committed?.streams);
    this.#denials = committed?.denials ?? [];
    this.#heard = committed?.heard ?? 0;
  }

  /**
   * Null for a repeat of what was admitted before. Throws `Refused`: `submission.changed` for a known number with other
   * bytes, `submission.number` for one that leaves numbers out.
   */
  admit(number: number, token: Buffer, received: readonly ReceivedRun[], body: Buffer, now: bigint, permit: Permit, classOf: ClassOf = IN_DEFAULT): Outcome | null {
    const digest = once(() => submissionDigest(number, body));
    if (number <= this.#number) {
      if (number === this.#number && !digest().equals(this.#digest())) {
        throw new Refused('submission.changed', `submission ${number} came again with other bytes`);
      }
      return null;
    }
    if (number !== this.#number + 1) throw new Refused('submission.number', `submission ${number} came after ${this.#number}`);
    this.#number = number;
    this.#digest = digest;
    this.#resumable ||= token.length > 0;
    const runs: AdmittedRun[] = [];
    /** A stream is denied once for each reason. */
    const denied = new Map<string, Denial>();
    const gaps: Gap[] = [];
    const changed = new Map<string, StreamState>();
    // Asked once, so that no stream is denied for it and goes on in the same submission.
    const hasRoom = once(this.#hasRoom);
    for (const run of received) {
      const code = permit(this.service, run) ?? this.#follow(run, changed, gaps, hasRoom);
      if (code !== null) denied.set(`${code} ${run.stream.toString('latin1')}`, { stream: Buffer.from(run.stream), code, source: run.source });
      else runs.push({ ...run, context: encodeContext({ ...run, admittedAt: now, asserter: this.service, instance: this.instance }), retentionClass: classOf(run) });
    }
    const denials = [...denied.values()];
    const states = denials.map(({ stream, code }): DenialState => ({ number, stream, code }));
    if (states.length > 0) this.#denials = [...this.#denials, ...states];
    // Of the many that a cycle commits of one life only the last one's digest is kept, and asked for.
    const state = { instance: this.instance, service: this.service, last: number, get digest() { return digest(); }, seenAt: now, token: Buffer.from(token), streams: [...changed.values()], heard: this.#heard, denials: states };
    return { runs, state, denials, gaps };
  }

  /** Advances the run's stream. Returns why that cannot be. */
  #follow(run: ReceivedRun, changed: Map<string, StreamState>, gaps: Gap[], hasRoom: () => boolean): string | null {
    const id = run.stream.toString('hex');
    const known = this.#streams.get(id);
    const expected = known?.next ?? 0;
    const open = run.kind !== KIND.end;
    if (run.firstSequence < expected) return 'stream.sequence';
    // Its end too: what a service hears of a stream in one submission is true of all its runs there.
    if (known === undefined && !hasRoom()) return 'stream.too-many';
    if (run.firstSequence > expected) gaps.push({ source: run.source, stream: id, expected, found: run.firstSequence });
    const next = run.firstSequence + run.count;
    if (open) this.#streams.set(id, { next, source: run.source });
    else this.#streams.delete(id);
    changed.set(id, { stream: Buffer.from(run.stream), next, open, source: open ? run.source : '' });
    return null;
  }

  /** The life is over: its open streams, which end here without an end record, and the state that says so. */
  abandon(now: bigint): { gaps: Gap[]; state: ProducerState } {
    const gaps = [...this.#streams].map(([stream, { source, next }]): Gap => ({ source, stream, expected: next, found: null }));
    const streams = gaps.map((gap): StreamState => ({ stream: Buffer.from(gap.stream, 'hex'), next: gap.expected, open: false, source: '' }));
    this.#streams.clear();
    return { gaps, state: { instance: this.instance, service: this.service, last: this.#number, digest: this.#digest(), seenAt: now, token: Buffer.alloc(0), streams, heard: this.#heard, denials: [] } };
  }

  /** What was denied and may not have been heard: an acknowledgement without it would say "sealed". */
  get denials(): readonly DenialState[] {
    return this.#denials;
  }

  /** The service has heard what was denied of submissions up to this one. */
  heard(number: number): void {
    if (number <= this.#heard) return;
    this.#heard = number;
    this.#denials = unheard(this.#denials, number);
  }

  /** Number of the last submission. */
  get last(): number {
    return this.#number;
  }

  /** Whether it gave a resume token: then the next life of the service goes on where this one ended. */
  get isResumable(): boolean {
    return this.#resumable;
  }

  get openStreams(): number {
    return this.#streams.size;
  }
}

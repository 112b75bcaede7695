// SPDX-License-Identifier: Apache-2.0
// What is committed of those who submit: last submission, resume token, open streams. Changed by commits alone, in
// normal operation and in recovery by the same `apply`.
import type { DenialState, ProducerState, StreamState } from '@strongroom/evidence';

const INSTANCES_MAX = 4096;
const REMEMBERED_NS = 24n * 3600n * 1_000_000_000n;
const NO_TOKEN = Buffer.alloc(0);
/** Denials that are told again after a reconnect; a service has no more unanswered in practice. */
export const DENIALS_KEPT_MAX = 1024;

export interface Stream {
  readonly next: number;
  readonly source: string;
}

/** One life of a service. */
export interface Producer {
  readonly instance: Buffer;
  readonly service: string;
  readonly last: number;
  readonly digest: Buffer;
  readonly token: Buffer;
  readonly seenAt: bigint;
  /** Open streams by hexadecimal id. */
  readonly streams: Map<string, Stream>;
  /** The last ones: an acknowledgement without them would say "sealed". */
  readonly denials: readonly DenialState[];
}

export class Producers {
  readonly #byInstance = new Map<string, Producer>();

  find(instance: Buffer): Producer | undefined {
    return this.#byInstance.get(instance.toString('hex'));
  }

  all(): IterableIterator<Producer> {
    return this.#byInstance.values();
  }

  /**
   * The resume token of a service: that of its newest life which gave one. Lives stand in the order of their first
   * commit, in snapshots too: neither a clock that jumps nor late news of an older life brings an older token back.
   */
  token(service: string): Buffer {
    let newest: Buffer = NO_TOKEN;
    for (const producer of this.all()) if (producer.service === service && producer.token.length > 0) newest = producer.token;
    return newest;
  }

  apply(states: readonly ProducerState[]): void {
    for (const { streams, denials, ...state } of states) {
      const before = this.find(state.instance);
      const producer = {
        ...state, token: state.token.length > 0 ? state.token : (before?.token ?? NO_TOKEN), streams: before?.streams ?? new Map<string, Stream>(),
        denials: lastDenials(before?.denials ?? [], denials),
      };
      for (const { stream, next, open, source } of streams) {
        if (open) producer.streams.set(stream.toString('hex'), { next, source });
        else producer.streams.delete(stream.toString('hex'));
      }
      this.#byInstance.set(state.instance.toString('hex'), producer);
    }
  }

  /** Everything, for a snapshot. */
  states(): ProducerState[] {
    return [...this.all()].map((producer) => ({
      ...producer, streams: [...producer.streams].map(([id, stream]): StreamState => ({ stream: Buffer.from(id, 'hex'), ...stream, open: true })),
    }));
  }

  /** Forgets lives that ended long ago; one that is kept by `isAlive`, has open streams or the newest token stays. */
  expire(now: bigint, isAlive: (instance: Buffer) => boolean): void {
    let surplus = this.#byInstance.size - INSTANCES_MAX;
    for (const producer of [...this.all()].sort((a, b) => (a.seenAt < b.seenAt ? -1 : 1))) {
      const old = now - producer.seenAt > REMEMBERED_NS;
      const newestToken = producer.token.length > 0 && this.token(producer.service) === producer.token;
      if ((!old && surplus <= 0) || producer.streams.size > 0 || newestToken || isAlive(producer.instance)) continue;
      this.#byInstance.delete(producer.instance.toString('hex'));
      surplus -= 1;
    }
  }
}

/** Those before and these, in their order, as many as are kept. */
export function lastDenials(before: readonly DenialState[], these: readonly DenialState[]): readonly DenialState[] {
  return these.length === 0 ? before : [...before, ...these].slice(-DENIALS_KEPT_MAX);
}

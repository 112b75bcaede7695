// SPDX-License-Identifier: Apache-2.0
// What is committed of those who submit: last submission, resume token, open streams. Changed by commits alone, in
// normal operation and in recovery by the same `apply`.
import type { DenialState, ProducerState, StreamState } from '@strongroom/evidence';

const INSTANCES_MAX = 4096;
const REMEMBERED_NS = 24n * 3600n * 1_000_000_000n;
const NO_TOKEN = Buffer.alloc(0);
/**
 * What lives that ended hold of a snapshot of the commit log. Those that go on are bounded by lives.ts: of each of four services
 * 200,000 streams (27 octets and a source: 73 MB with sources of 64 octets), and 128 lives with denials of 1,023 submissions
 * and of one that is denied whole (42 octets each: 121 MB). So a snapshot stays below `COMMIT_BODY_MAX`.
 */
const ENDED_BYTES_MAX = 48 * 1024 * 1024;
/** Of a producer, a stream and a denial, beside the texts in them. */
const [PRODUCER_BYTES, STREAM_BYTES, DENIAL_BYTES] = [88, 27, 26];

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
  /** Of submissions up to this one it has heard what was denied. */
  readonly heard: number;
  /** All that it may not have heard: an acknowledgement without them would say "sealed". */
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
        denials: unheard([...(before?.denials ?? []), ...denials], state.heard),
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

  /**
   * Forgets lives that ended long ago, and where there are many, or they are large, the oldest of them; one that is kept by
   * `isAlive`, has open streams or the newest token stays.
   */
  expire(now: bigint, isAlive: (instance: Buffer) => boolean): void {
    const ended = [...this.all()].filter((producer) => !this.#goesOn(producer, isAlive)).sort((a, b) => (a.seenAt < b.seenAt ? -1 : 1));
    let surplus = this.#byInstance.size - INSTANCES_MAX;
    let surplusBytes = ended.reduce((sum, producer) => sum + sizeBytes(producer), 0) - ENDED_BYTES_MAX;
    for (const producer of ended) {
      if (now - producer.seenAt <= REMEMBERED_NS && surplus <= 0 && surplusBytes <= 0) continue;
      this.#byInstance.delete(producer.instance.toString('hex'));
      surplus -= 1;
      surplusBytes -= sizeBytes(producer);
    }
  }

  #goesOn({ instance, service, token, streams }: Producer, isAlive: (instance: Buffer) => boolean): boolean {
    return streams.size > 0 || (token.length > 0 && this.token(service) === token) || isAlive(instance);
  }
}

/** Those of submissions after `heard`. */
export function unheard(denials: readonly DenialState[], heard: number): readonly DenialState[] {
  return denials.length === 0 || denials[0]!.number > heard ? denials : denials.filter(({ number }) => number > heard);
}

/** Octets of it in a snapshot. */
function sizeBytes({ service, token, streams, denials }: Producer): number {
  let bytes = PRODUCER_BYTES + service.length + token.length;
  for (const { source } of streams.values()) bytes += STREAM_BYTES + source.length;
  for (const { code } of denials) bytes += DENIAL_BYTES + code.length;
  return bytes;
}

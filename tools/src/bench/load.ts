// SPDX-License-Identifier: Apache-2.0
// What the bench tells its load generators and hears from them. A generator is a process of its own, so that what it
// uses is never counted as the measured system's.
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';

/** Where to send and as whom; PEM files by path. */
export interface Target {
  readonly port: number;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface SyslogLoad {
  readonly kind: 'syslog';
  readonly target: Target;
  readonly connections: number;
  readonly events: number;
  /** Over all connections, by the clock, whether they are taken or not; absent: as fast as they are taken. */
  readonly eventsPerSecond?: number;
}

/** So many events, counted from the beginning, had been reached then, by the monotonic clock. */
export interface Moment {
  readonly atNs: bigint;
  readonly events: number;
}

export interface RelpLoad {
  readonly kind: 'relp';
  readonly target: Target;
  readonly connections: number;
  /** Unacknowledged messages per connection; 128 is what librelp uses. */
  readonly window: number;
  /** Over all connections; 0: as fast as acknowledgements allow. */
  readonly eventsPerSecond: number;
  readonly seconds: number;
}

export type Load = SyslogLoad | RelpLoad;

export interface Times {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Times of the machine's monotonic clock, ns, comparable between processes. */
export interface LoadResult {
  readonly events: number;
  readonly bytes: number;
  readonly firstAtNs: bigint;
  /** Syslog: every connection is closed. RELP: everything is acknowledged. */
  readonly lastAtNs: bigint;
  /** The generator's own. */
  readonly cpuSeconds: number;
  /** RELP only: time from writing a message to reading its acknowledgement. */
  readonly ack?: Times;
  /** At a given rate only: when events were due. */
  readonly due?: readonly Moment[];
}

type Reply = { readonly kind: 'ready' } | { readonly kind: 'done'; readonly result: LoadResult } | { readonly kind: 'failed'; readonly message: string };

/** Every wait on a generator ends after this: it means that the system under test takes nothing any more. */
const PATIENCE_MS = 180_000;

/** A generator whose connections are open and that waits for the word. */
export class Generator {
  readonly #child: ChildProcess;
  readonly #replies: Reply[] = [];
  #wake: () => void = () => undefined;

  private constructor() {
    this.#child = fork(join(import.meta.dirname, 'generator.ts'), { serialization: 'advanced', execArgv: ['--max-semi-space-size=64'] });
    this.#child.on('message', (reply) => { this.#replies.push(reply as Reply); this.#wake(); });
    this.#child.once('exit', (code) => { this.#replies.push({ kind: 'failed', message: `the load generator ended with exit code ${code}` }); this.#wake(); });
  }

  /** Resolves when it has made its events and every connection is through its handshake. Throws `Failed('bench.load')`. */
  static async prepare(load: Load): Promise<Generator> {
    const generator = new Generator();
    generator.#child.send(load);
    await generator.#reply('ready');
    return generator;
  }

  /** Sends everything. Throws `Failed('bench.load')`. */
  async run(): Promise<LoadResult> {
    this.#child.send({ kind: 'go' });
    const { result } = await this.#reply('done');
    return result;
  }

  /** Ends it, if it has not ended. */
  stop(): void {
    this.#child.removeAllListeners();
    this.#child.kill('SIGKILL');
  }

  async #reply<K extends Reply['kind']>(kind: K): Promise<Extract<Reply, { kind: K }>> {
    const late = setTimeout(() => { this.#replies.push({ kind: 'failed', message: `the load was not taken within ${PATIENCE_MS / 1000} s` }); this.#wake(); }, PATIENCE_MS);
    try {
      while (this.#replies.length === 0) await new Promise<void>((wake) => { this.#wake = wake; });
      const reply = this.#replies.shift()!;
      if (reply.kind === kind) return reply as Extract<Reply, { kind: K }>;
      throw new Failed('bench.load', reply.kind === 'failed' ? reply.message : `unexpected ${reply.kind}`);
    } finally {
      clearTimeout(late);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// The vault's end of the reading thread: started with the first reading, ended when nobody has read for a while.
import { Worker } from 'node:worker_threads';
import { Failed, Refused } from '@strongroom/bytes';
import type { Item } from '@strongroom/evidence';
import { fromRpcError, type RpcError } from '@strongroom/service';
import type { FromThread, ReadingPaths, ReadingVerb, ToThread } from './reading-messages.ts';
import { READING_THREAD } from './reading-thread.ts';

const IDLE_MS = 10_000;
/** A thread whose turn does not come round for so long is in an expression that may never end. */
const SILENT_MS = 60_000;

type Answer = Exclude<FromThread, { kind: 'key' | 'here' }>;

export class Reading {
  readonly #paths: ReadingPaths;
  readonly #dataKey: (segment: string) => Promise<Buffer>;
  readonly #calls = new Map<number, (answer: Answer) => void>();
  /** Keys are asked for one after the other: however many read at once, the line to the HSM stays free for sealing. */
  #giving: Promise<void> = Promise.resolve();
  #thread: Worker | undefined;
  readonly #silentMs: number;
  #idle: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  /** Whether it was asked, and has said nothing since. */
  #isAsked = false;
  #lastId = 0;

  constructor(paths: ReadingPaths, dataKey: (segment: string) => Promise<Buffer>, silentMs = SILENT_MS) {
    [this.#paths, this.#dataKey, this.#silentMs] = [paths, dataKey, silentMs];
  }

  /** The result of a verb that gives no items. Throws what the thread says, and `Failed('read.thread')`. */
  async ask(verb: ReadingVerb, args: unknown): Promise<unknown> {
    return (await this.call(verb, args).next()).value;
  }

  /** Ends the thread, with the files and keys that it holds: what is under way fails. Resolves when it is gone. */
  async interrupt(why: string): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#ended(thread, why);
    await thread.terminate();
  }

  /** Items as they are found; returns the verb's result, or null once the signal is aborted. */
  async *call<T = Item>(verb: ReadingVerb, args: unknown, signal?: AbortSignal): AsyncGenerator<T, unknown> {
    const id = ++this.#lastId;
    const thread = this.#start();
    let answered = this.#await(id);
    const cancel = (): void => this.#calls.get(id)?.({ kind: 'result', id, result: null });
    signal?.addEventListener('abort', cancel, { once: true });
    this.#post(thread, { kind: 'call', id, verb, args });
    try {
      if (signal?.aborted === true) return null;
      for (;;) {
        const answer = await answered.promise;
        if (answer.kind === 'error') throw fromRpcError(answer.error);
        if (answer.kind === 'result') return answer.result;
        answered = this.#await(id);
        yield* answer.items as readonly T[];
        this.#post(thread, { kind: 'more', id, more: true });
      }
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#calls.delete(id);
      this.#post(thread, { kind: 'more', id, more: false });
      this.#idle = setTimeout(() => { if (this.#calls.size === 0) this.close(); }, IDLE_MS).unref();
    }
  }

  close(): void {
    clearTimeout(this.#idle);
    clearInterval(this.#watch);
    void this.#thread?.terminate();
    this.#thread = undefined;
  }

  #await(id: number): PromiseWithResolvers<Answer> {
    const answered = Promise.withResolvers<Answer>();
    this.#calls.set(id, answered.resolve);
    return answered;
  }

  #post(thread: Worker, message: ToThread): void {
    thread.postMessage(message);
  }

  #start(): Worker {
    clearTimeout(this.#idle);
    if (this.#thread !== undefined) return this.#thread;
    const thread = new Worker(READING_THREAD, { workerData: this.#paths });
    thread.unref();
    thread.on('message', (message: FromThread) => {
      if (this.#thread === thread) this.#isAsked = false;
      if (message.kind === 'here') return;
      if (message.kind === 'key') this.#giving = this.#giving.then(() => this.#giveKey(thread, message.segment));
      else this.#calls.get(message.id)?.(message);
    });
    thread.on('error', (error) => this.#ended(thread, String(error)));
    thread.on('exit', () => this.#ended(thread, 'it was stopped'));
    this.#thread = thread;
    this.#isAsked = false;
    this.#watch = setInterval(() => this.#look(thread), this.#silentMs).unref();
    return thread;
  }

  /** While somebody waits for it. */
  #look(thread: Worker): void {
    if (this.#calls.size === 0) return;
    if (this.#isAsked) return void this.interrupt(`it did not answer for ${this.#silentMs} ms: an expression that never comes to an end does that`);
    this.#isAsked = true;
    this.#post(thread, { kind: 'there' });
  }

  /** Not for a thread that was closed, or of which it is told already. */
  #ended(thread: Worker, why: string): void {
    if (this.#thread !== thread) return;
    clearInterval(this.#watch);
    this.#thread = undefined;
    const told: RpcError = { kind: 'failed', code: 'read.thread', what: 'the reading thread ended', why, fix: null };
    for (const [id, call] of this.#calls) call({ kind: 'error', id, error: told });
  }

  async #giveKey(thread: Worker, segment: string): Promise<void> {
    try {
      this.#post(thread, { kind: 'key', segment, key: await this.#dataKey(segment), why: '', isLost: false });
    } catch (error) {
      this.#post(thread, { kind: 'key', segment, key: null, why: (error as Error).message, isLost: isLost(error) });
    }
  }
}

/** Not while the HSM is away: then it is not known. */
function isLost(error: unknown): boolean {
  return error instanceof Refused || (error instanceof Failed && error.code === 'read.no-key');
}

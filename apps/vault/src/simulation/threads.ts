// SPDX-License-Identifier: Apache-2.0
// Simulations share nothing, so each processor lives its own: tasks are numbered, and whoever is free takes the next.
import { availableParallelism } from 'node:os';
import { Worker, parentPort, workerData } from 'node:worker_threads';

const THREADS_MAX = 8;

/** What a thread is for. Numbers and results cross threads as copies. */
export type Task<T, Context> = (number: number, context: Context) => Promise<T>;

export interface Threads<T> {
  /** One for each number. What was never begun is null. */
  readonly results: readonly Promise<T | null>[];
  /** Nothing more is begun. */
  stop(): void;
}

interface Given {
  readonly count: number;
  readonly next: Int32Array;
  readonly context: unknown;
}

/** Runs the task that a module {@link serve}s, for 0 to `count - 1`. */
export function inThreads<T>(module: URL, count: number, context: unknown = null): Threads<T> {
  const next = new Int32Array(new SharedArrayBuffer(4));
  const waiting = Array.from({ length: count }, () => Promise.withResolvers<T | null>());
  for (const { promise } of waiting) promise.catch(() => undefined); // it is awaited, perhaps after others
  let running = Math.min(count, availableParallelism(), THREADS_MAX);
  const failed = (error: unknown): void => { for (const { reject } of waiting) reject(error); };
  const left = (): void => { if ((running -= 1) === 0) for (const { resolve } of waiting) resolve(null); };
  for (let i = running; i > 0; i -= 1) {
    const worker = new Worker(module, { workerData: { count, next, context } satisfies Given });
    worker.on('message', ([number, result]: [number, T]) => waiting[number]!.resolve(result));
    worker.on('error', failed);
    worker.on('exit', left);
  }
  return { results: waiting.map(({ promise }) => promise), stop: () => { Atomics.store(next, 0, count); } };
}

/** In a thread of {@link inThreads}: does the task until no number is left. */
export async function serve<T, Context>(task: Task<T, Context>): Promise<void> {
  const { count, next, context } = workerData as Given;
  for (let number = Atomics.add(next, 0, 1); number < count; number = Atomics.add(next, 0, 1)) parentPort!.postMessage([number, await task(number, context as Context)]);
}

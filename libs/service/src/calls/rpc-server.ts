// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import { Refused } from '@strongroom/bytes';
import { LineSplitter, parseRequest, REQUEST_BYTES_MAX, toRpcError, type RpcAnswer, type RpcRequest } from './rpc-lines.ts';

const CALLS_AT_ONCE_MAX = 64;
/** Answers that a peer may leave unread, refusals too: who asks on without reading is cut off. */
const ANSWERS_AT_ONCE_MAX = 1024;
/** How long a peer that is cut off may take to read why. */
const LINGER_MS = 2000;

/** What a verb knows of its call. */
export interface RpcCall<Caller> {
  /** Aborted when the caller cancels or goes away. */
  readonly signal: AbortSignal;
  /** Whatever {@link serveRpc} was told of the peer. */
  readonly caller: Caller;
}

/**
 * A verb returns its result, or is an async generator: what it yields are the items, what it returns is the result. It
 * is asked for the next item only when the caller has taken those before. Arguments are unchecked: they are input.
 */
export type RpcVerb<Caller> = (args: unknown, call: RpcCall<Caller>) => Promise<unknown> | AsyncGenerator<unknown, unknown>;
export type RpcVerbs<Caller> = Readonly<Record<string, RpcVerb<Caller>>>;

export interface RpcServing<Caller> {
  readonly caller: Caller;
  /** Told of errors that are our own (bugs and failures), beside the answer to the caller. */
  readonly onError?: (verb: string, error: unknown) => void;
}

/**
 * Serves calls on one connection until it ends. Resolves then; never rejects. A peer whose lines cannot be read is told
 * so (`id` 0; `rpc.malformed`, `rpc.line-too-long`, `rpc.unread`) and the connection is closed.
 */
export function serveRpc<Caller>(stream: Duplex, verbs: RpcVerbs<Caller>, serving: RpcServing<Caller>): Promise<void> {
  const calls = new Map<number, AbortController>();
  const lines = new LineSplitter(REQUEST_BYTES_MAX);
  stream.setMaxListeners(ANSWERS_AT_ONCE_MAX + 10);
  let answering = 0;
  const take = (text: string): void => {
    const request = parseRequest(text);
    if ('cancel' in request) return calls.get(request.id)?.abort();
    if (answering >= ANSWERS_AT_ONCE_MAX) throw new Refused('rpc.unread', 'too many answers wait to be read', { why: `the limit is ${ANSWERS_AT_ONCE_MAX}` });
    answering += 1;
    void answer(stream, verbs, serving, calls, request).finally(() => { answering -= 1; });
  };
  stream.on('data', (chunk: Buffer) => {
    try {
      lines.push(chunk, take);
    } catch (error) {
      stream.end(line({ id: 0, error: toRpcError(error) }));
      stream.pause();
      setTimeout(() => stream.destroy(), LINGER_MS).unref();
    }
  });
  return new Promise((resolve) => {
    const gone = (): void => {
      for (const call of calls.values()) call.abort();
      stream.destroy();
      resolve();
    };
    stream.on('error', gone);
    stream.on('end', gone);
    stream.on('close', gone);
  });
}

type Request = Extract<RpcRequest, { verb: string }>;

async function answer<Caller>(
  stream: Duplex, verbs: RpcVerbs<Caller>, serving: RpcServing<Caller>, calls: Map<number, AbortController>, request: Request,
): Promise<void> {
  const { id, verb, args } = request;
  const control = new AbortController();
  try {
    if (calls.has(id)) throw new Refused('rpc.id-in-use', `call ${id} is still being answered`);
    if (calls.size >= CALLS_AT_ONCE_MAX) {
      throw new Refused('rpc.too-many-calls', 'too many calls at once', { why: `the limit is ${CALLS_AT_ONCE_MAX}` });
    }
    if (!Object.hasOwn(verbs, verb)) throw new Refused('rpc.unknown-verb', `there is no verb "${verb.slice(0, 100)}"`);
    calls.set(id, control);
    const result = await perform(stream, id, verbs[verb]!(args, { signal: control.signal, caller: serving.caller }), control.signal);
    await send(stream, { id, result: result ?? null }, control.signal);
  } catch (error) {
    if (!(error instanceof Refused) && !control.signal.aborted) serving.onError?.(verb, error);
    await send(stream, { id, error: toRpcError(error) }, control.signal).catch(() => undefined);
  } finally {
    if (calls.get(id) === control) calls.delete(id);
  }
}

async function perform(stream: Duplex, id: number, work: ReturnType<RpcVerb<unknown>>, signal: AbortSignal): Promise<unknown> {
  if (!(Symbol.asyncIterator in work)) return work;
  try {
    for (;;) {
      const next = await work.next();
      if (next.done === true || signal.aborted) return next.done === true ? next.value : null;
      await send(stream, { id, item: next.value }, signal);
    }
  } finally {
    await work.return(null);
  }
}

/** Writes one line and waits while the peer is slow, but not longer than the connection lives. */
function send(stream: Duplex, answerLine: RpcAnswer, signal: AbortSignal): Promise<void> {
  if (stream.destroyed || !stream.writable || stream.write(line(answerLine)) || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function line(value: RpcAnswer): string {
  return `${JSON.stringify(value)}\n`;
}

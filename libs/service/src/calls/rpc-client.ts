// SPDX-License-Identifier: Apache-2.0
import { connect as connectPlain, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { Failed } from '@strongroom/bytes';
import { socketPath } from '../files/socket-path.ts';
import { tlsClientOptions, type Identity } from '../identity/identity.ts';
import { ANSWER_BYTES_MAX, fromRpcError, LineSplitter, parseAnswer, type RpcAnswer } from './rpc-lines.ts';

/** Items of one call that may wait here before the connection is paused. */
const WAITING_ITEMS_MAX = 256;

interface Pending {
  take(answer: RpcAnswer): void;
  fail(error: Error): void;
}

/** Whom to expect at a socket with mutual TLS. */
export interface RpcPeer {
  readonly identity: Identity;
  /** SPIFFE ID of the server. */
  readonly expected: string;
}

/** Makes calls over one connection. Errors of the other side arrive as `Refused`, `Failed` or `Bug` with the same code. */
export class RpcClient {
  readonly #stream: Duplex;
  readonly #calls = new Map<number, Pending>();
  #lastId = 0;
  #paused = 0;
  #ended: Error | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    const lines = new LineSplitter(ANSWER_BYTES_MAX);
    stream.on('data', (chunk: Buffer) => {
      try {
        lines.push(chunk, (text) => this.#take(parseAnswer(text)));
      } catch (error) {
        stream.destroy(error as Error);
      }
    });
    stream.on('error', (error) => this.#end(error));
    stream.on('end', () => this.#end());
    stream.on('close', () => this.#end());
  }

  /**
   * Connects to a Unix socket, with mutual TLS when a peer is named.
   * Throws `Failed('rpc.unreachable')`, or what the TLS check throws.
   */
  static connect(path: string, peer?: RpcPeer): Promise<RpcClient> {
    const address = { path: socketPathOr(path) };
    const socket: Socket = peer === undefined ? connectPlain(address) : connectTls({ ...tlsClientOptions(peer.identity, peer.expected), ...address });
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void => reject(unreachable(path, cause));
      socket.once('error', failed);
      socket.once(peer === undefined ? 'connect' : 'secureConnect', () => {
        socket.off('error', failed);
        resolve(new RpcClient(socket));
      });
    });
  }

  /** Rejects with the other side's error, or `Failed('rpc.connection-lost')`. Items, if the verb has any, are dropped. */
  async call(verb: string, args: unknown = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#begin(verb, args, {
        take: (answer) => {
          if ('item' in answer) return;
          if (answer.error === undefined) resolve(answer.result);
          else reject(fromRpcError(answer.error));
        },
        fail: reject,
      });
    });
  }

  /**
   * The items of a call, as they come; the generator's return value is the result. Leaving the loop or aborting the
   * signal cancels the call. When items are taken slowly the connection is paused, and with it its other calls.
   */
  async *stream(verb: string, args: unknown = {}, signal?: AbortSignal): AsyncGenerator<unknown, unknown> {
    const waiting: RpcAnswer[] = [];
    let failure: Error | undefined;
    let wake = idle;
    let holding = false;
    const hold = (on: boolean): void => {
      if (on !== holding) this.#hold(on);
      holding = on;
    };
    const id = this.#begin(verb, args, {
      take: (answer) => {
        waiting.push(answer);
        if (waiting.length >= WAITING_ITEMS_MAX) hold(true);
        wake();
      },
      fail: (error) => { failure = error; wake(); },
    });
    const abort = (): void => wake();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      for (;;) {
        if (signal?.aborted === true) return null;
        const answer = waiting.shift();
        if (answer === undefined) {
          if (failure !== undefined) throw failure;
          hold(false);
          await new Promise<void>((resolve) => { wake = resolve; });
        } else if ('item' in answer) {
          yield answer.item;
        } else if (answer.error !== undefined) {
          throw fromRpcError(answer.error);
        } else {
          return answer.result;
        }
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      hold(false);
      this.#cancel(id);
    }
  }

  /** Ends the connection. Calls that are under way reject. */
  close(): void {
    this.#stream.end();
    this.#stream.destroy();
  }

  #begin(verb: string, args: unknown, pending: Pending): number {
    const id = ++this.#lastId;
    if (this.#ended !== undefined) {
      pending.fail(this.#ended);
      return id;
    }
    this.#calls.set(id, pending);
    this.#stream.write(`${JSON.stringify({ id, verb, args })}\n`);
    return id;
  }

  #cancel(id: number): void {
    if (!this.#calls.delete(id) || this.#ended !== undefined) return;
    this.#stream.write(`${JSON.stringify({ id, cancel: true })}\n`);
  }

  #take(answer: RpcAnswer): void {
    const pending = this.#calls.get(answer.id);
    if (answer.id === 0 && answer.error !== undefined) throw fromRpcError(answer.error);
    if (!('item' in answer)) this.#calls.delete(answer.id);
    pending?.take(answer);
  }

  #hold(on: boolean): void {
    this.#paused += on ? 1 : -1;
    if (this.#paused > 0) this.#stream.pause();
    else this.#stream.resume();
  }

  #end(cause?: Error): void {
    if (this.#ended !== undefined) return;
    const ours = cause !== undefined && 'code' in cause && 'why' in cause;
    this.#ended = ours ? cause : new Failed('rpc.connection-lost', 'the connection to the service was lost', {
      why: cause?.message ?? 'it was closed', fix: 'see "strongroom status"', cause,
    });
    for (const pending of this.#calls.values()) pending.fail(this.#ended);
    this.#calls.clear();
    this.#stream.destroy();
  }
}

function idle(): void {}

/** A directory that is missing shall be the same error as a socket that is missing. */
function socketPathOr(path: string): string {
  try {
    return socketPath(path);
  } catch (cause) {
    throw unreachable(path, cause as Error);
  }
}

function unreachable(path: string, cause: Error): Error {
  if ('why' in cause) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'the socket is not there' : code === 'ECONNREFUSED' ? 'nobody listens there' : cause.message;
  return new Failed('rpc.unreachable', `no service answers at ${path}`, { why, fix: 'start Strongroom with "npm start"', cause });
}

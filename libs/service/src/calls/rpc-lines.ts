// SPDX-License-Identifier: Apache-2.0
// The grammar of our remote calls: one JSON object a line, over a Unix socket, with or without TLS.
//   call    {"id":N,"verb":"…","args":…}          cancel  {"id":N,"cancel":true}
//   answer  zero or more {"id":N,"item":…}, then {"id":N,"result":…} or {"id":N,"error":{"kind","code","what","why","fix"}}
import { Bug, Failed, Refused } from '@strongroom/bytes';

/** Octets of one line towards a server. */
export const REQUEST_BYTES_MAX = 1024 * 1024;
/** Octets of one line towards a client: a proof of the longest record fits several times. */
export const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

export interface RpcError {
  readonly kind: 'refused' | 'failed' | 'bug';
  readonly code: string;
  readonly what: string;
  readonly why: string | null;
  readonly fix: string | null;
}

export type RpcRequest =
  | { readonly id: number; readonly verb: string; readonly args: unknown }
  | { readonly id: number; readonly cancel: true };

export interface RpcAnswer {
  readonly id: number;
  readonly item?: unknown;
  readonly result?: unknown;
  readonly error?: RpcError;
}

/** Cuts a byte stream into lines. Throws `Refused('rpc.line-too-long')` before it holds more than the limit. */
export class LineSplitter {
  readonly #limit: number;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer, line: (text: string) => void): void {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      this.#hold(rest.subarray(0, end));
      const text = (this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held)).toString('utf8');
      this.#held = [];
      this.#heldBytes = 0;
      rest = rest.subarray(end + 1);
      line(text);
    }
    if (rest.length > 0) this.#hold(rest);
  }

  #hold(part: Buffer): void {
    this.#heldBytes += part.length;
    if (this.#heldBytes > this.#limit) {
      throw new Refused('rpc.line-too-long', 'a line of a remote call is too long', { why: `more than ${this.#limit} octets` });
    }
    this.#held.push(part);
  }
}

/** Throws `Refused('rpc.malformed')`. */
export function parseRequest(text: string): RpcRequest {
  const value = parseObject(text);
  if (!Number.isSafeInteger(value['id'])) throw malformed('"id" is missing');
  const id = value['id'] as number;
  if (value['cancel'] === true) return { id, cancel: true };
  if (typeof value['verb'] !== 'string') throw malformed('"verb" is missing');
  return { id, verb: value['verb'], args: value['args'] ?? {} };
}

/** Throws `Refused('rpc.malformed')`. */
export function parseAnswer(text: string): RpcAnswer {
  const value = parseObject(text);
  if (!Number.isSafeInteger(value['id'])) throw malformed('"id" is missing');
  return value as unknown as RpcAnswer;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed((error as Error).message);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('a line is no object');
  return value as Record<string, unknown>;
}

function malformed(why: string): Refused {
  return new Refused('rpc.malformed', 'a remote call cannot be read', { why });
}

/** An error as it goes over the wire. An unknown one travels as a bug without its stack. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof Refused || error instanceof Failed || error instanceof Bug) {
    const kind = error instanceof Refused ? 'refused' : error instanceof Failed ? 'failed' : 'bug';
    return { kind, code: error.code, what: error.message, why: error.why ?? null, fix: error.fix ?? null };
  }
  const what = error instanceof Error ? error.message : String(error);
  return { kind: 'bug', code: 'rpc.unexpected', what, why: null, fix: null };
}

/** The error that the other side threw, with the same code. */
export function fromRpcError(error: RpcError): Refused | Failed | Bug {
  const facts = { ...(error.why === null ? {} : { why: error.why }), ...(error.fix === null ? {} : { fix: error.fix }) };
  const Kind = error.kind === 'refused' ? Refused : error.kind === 'failed' ? Failed : Bug;
  return new Kind(error.code, error.what, facts);
}

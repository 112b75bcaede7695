// SPDX-License-Identifier: Apache-2.0
// The witness on the network: everybody may ask, so everything is bounded. Requests are known by what they carry, not by
// who sends them.
import { createServer as createPlain, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ADD_CHECKPOINT_BYTES_MAX } from '@strongroom/evidence';
import { answerMirror } from '../mirror/routes.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { bodyOf, send, text } from '../cosign/http-parts.ts';
import type { Reply, Witness } from '../cosign/witness.ts';

const CONNECTIONS_MAX = 256;
const REQUEST_MS = 10_000;
/** Segments are large. */
const MIRROR_REQUEST_MS = 300_000;
const HEADERS_MS = 5000;
const KEEP_ALIVE_MS = 30_000;
const HEADER_BYTES_MAX = 8192;

export interface Tls {
  readonly cert: string;
  readonly key: string;
}

export interface ServeFacts {
  readonly witness: Witness;
  readonly mirror: Mirror | null;
  readonly tls: Tls | null;
  readonly failed: (error: unknown) => void;
}

/** Listens; rejects when it cannot. */
export function serveWitness(address: string, port: number, facts: ServeFacts): Promise<Server> {
  const options = { requestTimeout: facts.mirror === null ? REQUEST_MS : MIRROR_REQUEST_MS, headersTimeout: HEADERS_MS, keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: HEADER_BYTES_MAX, connectionsCheckingInterval: 1000 };
  const take = (request: IncomingMessage, response: ServerResponse): void => void answer(request, response, facts);
  const server = facts.tls === null ? createPlain(options, take) : createSecure({ ...options, ...facts.tls }, take);
  server.maxConnections = CONNECTIONS_MAX;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      server.on('error', facts.failed);
      resolve(server);
    });
  });
}

/** `host:port`, a v6 host in brackets. */
export function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

async function answer(request: IncomingMessage, response: ServerResponse, facts: ServeFacts): Promise<void> {
  try {
    if (facts.mirror !== null && request.url?.startsWith('/mirror/') === true) await answerMirror(request, response, facts.mirror);
    else send(response, await route(request, facts.witness));
  } catch (error) {
    facts.failed(error);
    send(response, text(500, 'the witness cannot sign now'));
  }
}

async function route(request: IncomingMessage, witness: Witness): Promise<Reply> {
  const path = (request.url ?? '').split('?', 1)[0]!;
  if (path === '/add-checkpoint') {
    if (request.method !== 'POST') return text(405, 'only POST');
    const body = await bodyOf(request, ADD_CHECKPOINT_BYTES_MAX);
    return body === null ? text(413, `the limit is ${ADD_CHECKPOINT_BYTES_MAX} octets`) : witness.addCheckpoint(body);
  }
  const hash = /^\/([0-9a-f]{64})\/checkpoint$/.exec(path)?.[1];
  if (hash === undefined) return text(404, 'here are POST /add-checkpoint and GET /<origin hash>/checkpoint');
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET');
  const note = witness.checkpoint(hash);
  return note === null ? text(404, 'nothing was cosigned for that log') : { status: 200, type: 'text/plain; charset=utf-8', body: note };
}

// SPDX-License-Identifier: Apache-2.0
// What both the witness and the mirror need of HTTP.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply } from './witness.ts';

/** The whole body, or null when it is longer than it may be. Rejects when the other side goes away. */
export async function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export function text(status: number, why: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${why}\n` };
}

export function send(response: ServerResponse, { status, type, body }: Reply): void {
  if (response.destroyed || response.headersSent) return;
  // What was not read of a request is not read any more.
  const rest = response.req.complete ? {} : { connection: 'close' };
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store', ...rest });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

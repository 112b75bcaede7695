// SPDX-License-Identifier: Apache-2.0
// Where a mirror is reached, below /mirror: C2SP tlog-mirror, the copies as C2SP tlog-tiles, and our own way for segments.
//   POST /mirror/add-checkpoint · POST /mirror/add-entries · GET /mirror/<origin hash>/checkpoint, …/tile/…
//   GET /mirror/<origin hash>/wanted · POST /mirror/<origin hash>/segment/<id>/<offset>
import { createReadStream, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { ADD_CHECKPOINT_BYTES_MAX } from '@strongroom/evidence';
import { bodyOf, send, text } from '../cosign/http-parts.ts';
import type { Reply } from '../cosign/witness.ts';
import { bodyReader } from './body-reader.ts';
import type { Mirror } from './mirror.ts';

const TILE = /^tile\/(?:entries|[0-9]|[1-5][0-9]|6[0-3])\/(?:x[0-9]{3}\/)*[0-9]{3}(?:\.p\/[1-9][0-9]{0,2})?$/;

/** Answers what is below /mirror. */
export async function answerMirror(request: IncomingMessage, response: ServerResponse, mirror: Mirror): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0]!.slice('/mirror/'.length);
  const [, hash = '', rest = ''] = /^([0-9a-f]{64})\/(.+)$/.exec(path) ?? [];
  if (request.method === 'GET' && (rest === 'checkpoint' || TILE.test(rest))) return sendFile(response, mirror.directoryOf(hash), rest);
  send(response, await route(request, path, hash, rest, mirror));
}

async function route(request: IncomingMessage, path: string, hash: string, rest: string, mirror: Mirror): Promise<Reply> {
  try {
    if (request.method === 'GET') return rest === 'wanted' ? mirror.wanted(hash) : text(404, 'there is nothing here');
    if (request.method !== 'POST') return text(405, 'only GET and POST');
    if (path === 'add-checkpoint') {
      const body = await bodyOf(request, ADD_CHECKPOINT_BYTES_MAX);
      return body === null ? text(413, `the limit is ${ADD_CHECKPOINT_BYTES_MAX} octets`) : await mirror.addCheckpoint(body);
    }
    if (path === 'add-entries') return await mirror.addEntries(bodyReader(request));
    const [, segment, offset] = /^segment\/([0-9a-f]{16})\/(0|[1-9][0-9]{0,15})$/.exec(rest) ?? [];
    return segment === undefined ? text(404, 'there is nothing here') : await mirror.addSegment(hash, segment, Number(offset), bodyReader(request));
  } catch (error) {
    if (error instanceof Refused) return text(400, error.why ?? error.message);
    throw error;
  }
}

function sendFile(response: ServerResponse, directory: string | null, name: string): void {
  const path = directory === null ? null : join(directory, name);
  const facts = path === null ? undefined : statSync(path, { throwIfNoEntry: false });
  if (path === null || facts?.isFile() !== true) return send(response, text(404, 'there is nothing here'));
  response.writeHead(200, { 'content-type': name === 'checkpoint' ? 'text/plain; charset=utf-8' : 'application/octet-stream', 'content-length': facts.size, 'cache-control': name === 'checkpoint' ? 'no-store' : 'public, max-age=3600' });
  createReadStream(path).on('error', () => response.destroy()).pipe(response);
}

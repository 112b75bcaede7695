// SPDX-License-Identifier: Apache-2.0
// A request's body, taken in pieces of known length and never held whole.
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** `take` gives exactly so many octets, or null where the body ends before; it rejects when the other side goes away. */
export function bodyReader(request: IncomingMessage): (count: number) => Promise<Buffer | null> {
  const body: Readable = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request;
  const parts = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let held: Buffer = Buffer.alloc(0);
  return async (count) => {
    const pieces = [held];
    let bytes = held.length;
    while (bytes < count) {
      const next = await parts.next();
      if (next.done === true) {
        held = Buffer.concat(pieces);
        return null;
      }
      pieces.push(next.value);
      bytes += next.value.length;
    }
    const all = pieces.length === 1 ? held : Buffer.concat(pieces);
    held = all.subarray(count);
    return all.subarray(0, count);
  };
}

// SPDX-License-Identifier: Apache-2.0
// One HTTP exchange with somebody who may be slow, wrong or hostile: its whole time and the octets of its answer are
// bounded, and nothing of the answer is followed.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Failed } from '@strongroom/bytes';

export interface Outgoing {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly body?: Buffer | AsyncIterable<Buffer>;
  readonly contentType?: string;
  /** From the first octet sent to the last received. */
  readonly timeoutMs: number;
  /** Octets of the answer's body. */
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Connections are kept for the next round; few, because there are few whom we ask. */
const AGENT_OPTIONS = { keepAlive: true, maxSockets: 4, maxFreeSockets: 2, timeout: 60_000 };
const AGENTS = { 'http:': new HttpAgent(AGENT_OPTIONS), 'https:': new HttpsAgent(AGENT_OPTIONS) };

/** Any status is an answer. Throws `Failed`: `witness.unreachable`, `witness.answer-too-long`. */
export async function exchange({ method, url, body, contentType, timeoutMs, bytesMax, signal }: Outgoing): Promise<Answer> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const parsed = new URL(url);
      const secure = parsed.protocol === 'https:';
      const headers = { ...(contentType === undefined ? {} : { 'content-type': contentType }), ...(Buffer.isBuffer(body) ? { 'content-length': body.length } : {}) };
      const options = { method, headers, signal: bounded, agent: AGENTS[secure ? 'https:' : 'http:'] };
      const sent = (secure ? httpsRequest : httpRequest)(parsed, options, (response) => { collect(response, bytesMax).then(resolve, reject); });
      sent.on('error', reject);
      if (body === undefined || Buffer.isBuffer(body)) sent.end(body);
      else void pour(body, sent, bounded).catch((error: unknown) => { sent.destroy(error as Error); reject(error as Error); });
    });
  } catch (error) {
    if (error instanceof Failed) throw error;
    const why = bounded.aborted && !signal.aborted ? `no whole answer came within ${timeoutMs} ms` : (error as Error).message;
    throw new Failed('witness.unreachable', `${new URL(url).host} does not answer`, { why, fix: 'see that it runs and can be reached from here', cause: error });
  }
}

async function collect(response: IncomingMessage, bytesMax: number): Promise<Answer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax) {
      response.destroy();
      throw new Failed('witness.answer-too-long', 'an answer is too long', { why: `more than ${bytesMax} octets` });
    }
    parts.push(part);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(parts) };
}

/** What is sent waits while the other side takes nothing; an answer may come before all is sent. */
async function pour(parts: AsyncIterable<Buffer>, to: ReturnType<typeof httpRequest>, signal: AbortSignal): Promise<void> {
  for await (const part of parts) {
    if (to.destroyed || to.writableEnded) return;
    if (to.write(part)) continue;
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const event of ['drain', 'close', 'response'] as const) to.once(event, resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  }
  to.end();
}

// SPDX-License-Identifier: Apache-2.0
// A time stamping authority for tests: `openssl ts -reply` behind a small HTTP server, with the moods of real ones.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stampingIdentity, type StampingIdentity, type StampingKey } from './certificates.ts';
import { TEST_POLICY } from './token.ts';

const run = promisify(execFile);
const REQUEST_BYTES_MAX = 64 * 1024;

/** How it answers: properly; status 500; that it gives none; another place; more than anybody takes; never; another request's token. */
export type Mood = 'well' | 'failing' | 'denying' | 'redirecting' | 'flooding' | 'silent' | 'stale';

export class TestTimestampAuthority implements AsyncDisposable {
  readonly root: StampingIdentity;
  readonly signer: StampingIdentity;
  readonly #directory = mkdtempSync(join(tmpdir(), 'strongroom-tsa-'));
  readonly #server: Server;
  #last: Buffer | undefined;
  mood: Mood = 'well';
  /** Requests so far. */
  asked = 0;

  constructor(kind: StampingKey = 'p256') {
    this.root = stampingIdentity({ commonName: 'Test TSA root', authority: true, kind });
    this.signer = stampingIdentity({ commonName: 'Test TSA', issuer: this.root, kind });
    for (const [name, text] of Object.entries(this.#files())) writeFileSync(join(this.#directory, name), text, { mode: 0o600 });
    this.#server = createServer((request, response) => { void this.#serve(request, response).catch(() => response.destroy()); });
  }

  #files(): Record<string, string> {
    const place = (name: string): string => join(this.#directory, name);
    const section = {
      serial: place('serial'), signer_cert: place('cert.pem'), signer_key: place('key.pem'), signer_digest: 'sha256', default_policy: TEST_POLICY,
      other_policies: '1.2.3.4.5', digests: 'sha256', accuracy: 'secs:1, millisecs:500', ess_cert_id_alg: 'sha256',
    };
    const config = ['[tsa]', 'default_tsa = one', '[one]', ...Object.entries(section).map(([name, value]) => `${name} = ${value}`)];
    return { 'cert.pem': this.signer.certificatePem, 'key.pem': this.signer.keyPem, 'root.pem': this.root.certificatePem, serial: '01\n', config: `${config.join('\n')}\n` };
  }

  /** PEM file of the root. */
  get caFile(): string {
    return join(this.#directory, 'root.pem');
  }

  /** A response to a request, by openssl. */
  async reply(request: Buffer): Promise<Buffer> {
    const [query, out] = [join(this.#directory, `${this.asked}.tsq`), join(this.#directory, `${this.asked}.tsr`)];
    writeFileSync(query, request);
    await run('openssl', ['ts', '-reply', '-config', join(this.#directory, 'config'), '-queryfile', query, '-out', out]);
    return readFileSync(out);
  }

  /** Listens on loopback and returns the URL. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => { this.#server.once('error', reject).listen(port, '127.0.0.1', resolve); });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/tsa`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: Buffer[] = [];
    let length = 0;
    for await (const part of request as AsyncIterable<Buffer>) if ((length += part.length) <= REQUEST_BYTES_MAX) body.push(part);
    this.asked += 1;
    const isQuery = request.method === 'POST' && request.headers['content-type'] === 'application/timestamp-query';
    if (!isQuery || this.mood === 'failing') return void response.writeHead(isQuery ? 500 : 415).end('no');
    if (this.mood === 'silent') return;
    if (this.mood === 'redirecting') return void response.writeHead(307, { location: '/elsewhere' }).end();
    response.writeHead(200, { 'content-type': 'application/timestamp-reply' });
    if (this.mood === 'flooding') return void response.end(Buffer.alloc(1024 * 1024));
    // An empty request is one that openssl refuses, in due form.
    const fresh = await this.reply(this.mood === 'denying' ? Buffer.of(0x30, 0) : Buffer.concat(body));
    const given = this.mood === 'stale' && this.#last !== undefined ? this.#last : fresh;
    if (this.mood !== 'denying') this.#last = fresh;
    response.end(given);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => { this.#server.close(resolve); });
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

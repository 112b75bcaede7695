// SPDX-License-Identifier: Apache-2.0
// Witnesses as one does not wish for: for tests of who asks them.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

export const BEHAVIOURS = {
  /** Answers with what is no signature line. */
  garbage: (_, response) => response.end('lorem ipsum\n'.repeat(100)),
  /** Sends for ever. */
  huge: (_, response) => {
    const more = (): void => { while (response.writable && response.write(Buffer.alloc(65_536, '— ')) && !response.destroyed); };
    response.on('drain', more);
    more();
  },
  /** An octet now and then. */
  drip: (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('—'), 50).unref();
    response.on('close', () => clearInterval(timer));
  },
  /** Never answers. */
  silent: () => undefined,
  /** Cuts the line. */
  cut: (request) => request.socket.destroy(),
  /** Names another size each time. */
  undecided: (_, response) => {
    response.writeHead(409, { 'content-type': 'text/x.tlog.size' });
    response.end(`${Math.floor(Math.random() * 5)}\n`);
  },
  /** Names a size that is none. */
  senseless: (_, response) => {
    response.writeHead(409);
    response.end('99999999999999999999999\n');
  },
  /** Sends elsewhere. */
  redirect: (_, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:1/' });
    response.end();
  },
  /** Says that it has seen far more. */
  boasts: (_, response) => {
    response.writeHead(409);
    response.end('4000000\n');
  },
} as const satisfies Record<string, Behaviour>;

export class HostileServer implements AsyncDisposable {
  readonly #server: Server;
  requests = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(behaviour: Behaviour): Promise<HostileServer> {
    const server = createServer();
    const hostile = new HostileServer(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      hostile.requests += 1;
      request.resume();
      behaviour(request, response);
    });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return hostile;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

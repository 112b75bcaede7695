// SPDX-License-Identifier: Apache-2.0
// Where services submit: one Unix socket each, mutual TLS, and the certificate must be that of the socket's service.
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Refused } from '@strongroom/bytes';
import { MessageSplitter, decodeMessage } from '@strongroom/evidence';
import { peerSpiffe, serviceId, tlsServerOptions, type ServiceContext, type Submitter } from '@strongroom/service';
import type { Lives } from './lives.ts';
import { listenOn } from '../unix-server.ts';

/** Of one service: the lives of 64 gateways, and as many that come back. */
const CONNECTIONS_MAX = 128;

export class Intake {
  readonly #context: Pick<ServiceContext, 'paths' | 'deployment' | 'separation' | 'identity'>;
  readonly #lives: Lives;
  readonly #servers: Server[] = [];

  constructor(context: Pick<ServiceContext, 'paths' | 'deployment' | 'separation' | 'identity'>, lives: Lives) {
    [this.#context, this.#lives] = [context, lives];
  }

  async listen(submitters: readonly Submitter[]): Promise<void> {
    this.#lives.awaitReturns();
    for (const name of submitters) this.#servers.push(await this.#listen(name));
  }

  #listen(name: Submitter): Promise<Server> {
    const path = this.#context.paths.submitSocket(name);
    const expected = serviceId(this.#context.deployment, name);
    const server = createServer(tlsServerOptions(this.#context.identity), (socket) => this.#accept(socket, expected));
    server.maxConnections = CONNECTIONS_MAX;
    server.on('tlsClientError', (error) => this.#lives.refused('vault.submitter-refused', { socket: name }, error));
    return listenOn(server, path, 0o660, this.#context.separation.groups?.[name] ?? null);
  }

  /** Certificates were renewed. */
  reload(): void {
    for (const server of this.#servers) server.setSecureContext(tlsServerOptions(this.#context.identity));
  }

  async close(): Promise<void> {
    this.#lives.close();
    for (const server of this.#servers) server.close();
  }

  #accept(socket: TLSSocket, expected: string): void {
    const splitter = new MessageSplitter();
    const session = this.#lives.session(socket, expected);
    const refuse = (error: unknown): void => {
      this.#lives.refused('vault.submission-refused', { service: expected }, error);
      socket.destroy();
    };
    socket.on('error', () => socket.destroy());
    socket.on('close', () => session.lost());
    socket.on('data', (chunk: Buffer) => {
      try {
        splitter.push(chunk, (type, body) => session.take(decodeMessage(type, body), body));
      } catch (error) {
        refuse(error);
      }
    });
    try {
      const peer = peerSpiffe(socket);
      if (peer !== expected) throw new Refused('vault.wrong-socket', `${peer} connected to the socket of ${expected}`);
    } catch (error) {
      refuse(error);
    }
  }
}

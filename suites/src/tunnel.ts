// SPDX-License-Identifier: Apache-2.0
// Stands between a sender and the gateway, as stunnel does for senders that have no certificate to show, and keeps what
// passed: so a test knows every octet that a program sent, not only what it was asked to send.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';

export class Tunnel implements AsyncDisposable {
  /** What each connection brought, by the address from which it went on: the `peer` of its records. */
  readonly passed = new Map<string, Buffer[]>();
  readonly #open: (at: { host: string; port: number }) => Socket;
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: string, identity: string | undefined) {
    const at = target.lastIndexOf(':');
    this.#target = { host: target.slice(0, at), port: Number(target.slice(at + 1)) };
    this.#open = identity === undefined ? connectTcp : opener(identity);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#pass(socket));
  }

  /** To `target` (`host:port`); over TLS if `identity`, a directory with cert.pem, key.pem and ca.pem, is given. */
  static async to(target: string, identity?: string): Promise<Tunnel> {
    const tunnel = new Tunnel(target, identity);
    tunnel.#server.listen(0, '127.0.0.1');
    await once(tunnel.#server, 'listening');
    return tunnel;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((closed) => { this.#server.close(closed); });
  }

  #pass(from: Socket): void {
    const to = this.#open(this.#target);
    const kept: Buffer[] = [];
    const begin = (): void => { this.passed.set(`${to.localAddress}:${to.localPort}`, kept); };
    if (to.connecting) to.once('connect', begin);
    else begin();
    from.on('data', (chunk: Buffer) => kept.push(chunk));
    for (const [socket, other] of [[from, to], [to, from]] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      socket.pipe(other);
    }
  }
}

function opener(identity: string): (at: { host: string; port: number }) => Socket {
  const pem = (name: string): Buffer => readFileSync(join(identity, name));
  const shown = { cert: pem('cert.pem'), key: pem('key.pem'), ca: pem('ca.pem') };
  return (at) => connectTls({ ...at, ...shown, servername: 'localhost' });
}

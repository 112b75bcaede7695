// SPDX-License-Identifier: Apache-2.0
// Sockets that listen. All share their port with the other gateway processes (SO_REUSEPORT).
import { createServer as createTcpServer, type AddressInfo, type ListenOptions, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { Failed } from '@strongroom/bytes';
import { peerText } from './address.ts';
import type { Say } from './events.ts';
import { failedHandshake } from './handshake.ts';
import type { TlsMaterial } from './tls-material.ts';

/** Handshakes and connects that the kernel may hold for us; it takes no more than net.core.somaxconn. */
const BACKLOG = 4096;
/** After so much silence the kernel asks whether the peer is still there. */
const KEEP_ALIVE_AFTER_MS = 60_000;

export interface Endpoint {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  readonly connectionsMax: number;
}

const SOCKETS = { allowHalfOpen: true, pauseOnConnect: false, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS };

/** TLS 1.3 only, a client certificate asked for. It is judged by the caller, who can say what is wrong with it. */
export function listenTls(endpoint: Endpoint, material: TlsMaterial, handshakeTimeoutMs: number, say: Say, accept: (socket: TLSSocket) => void): Promise<TlsServer> {
  const server = createTlsServer({ ...SOCKETS, ...material.options, requestCert: true, rejectUnauthorized: false, handshakeTimeout: handshakeTimeoutMs }, accept);
  server.on('tlsClientError', (error, socket) => {
    const refusal = failedHandshake(error);
    if (refusal !== undefined) say(refusal.event, { protocol: endpoint.protocol, peer: peerText(socket.remoteAddress, socket.remotePort), ...refusal.fields });
    socket.destroy();
  });
  return listen(server, endpoint, say);
}

export function listenTcp(endpoint: Endpoint, say: Say, accept: (socket: Socket) => void): Promise<Server> {
  return listen(createTcpServer(SOCKETS, accept), endpoint, say);
}

/** Throws `Failed('gateway.listen')`. */
function listen<S extends Server>(server: S, { protocol, address, port, connectionsMax }: Endpoint, say: Say): Promise<S> {
  server.maxConnections = connectionsMax;
  server.on('drop', (data) => say('gateway.connections-full', { protocol, peer: peerText(data?.remoteAddress, data?.remotePort), limit: connectionsMax }));
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Failed('gateway.listen', `${address} port ${port} cannot be listened on`, { why: error.message, cause: error })));
    const options: ListenOptions & { reusePort: boolean } = { host: address, port, backlog: BACKLOG, reusePort: true };
    server.listen(options, () => {
      server.removeAllListeners('error');
      server.on('error', (error: NodeJS.ErrnoException) => say('gateway.accept-failed', { protocol, why: error.message, code: error.code ?? '' }));
      resolve(server);
    });
  });
}

export function addressOf(server: { address(): AddressInfo | string | null }): string {
  const bound = server.address();
  return bound === null || typeof bound === 'string' ? '' : peerText(bound.address, bound.port);
}

// SPDX-License-Identifier: Apache-2.0
// Where the key service is reached: plain calls by its own user and root, mutual TLS by the vault.
import { chmodSync, chownSync, rmSync } from 'node:fs';
import { createServer as createPlain, type Server, type Socket } from 'node:net';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import { Refused } from '@strongroom/bytes';
import { peerSpiffe, serveRpc, socketPath, tlsServerOptions, type Identity, type RpcVerbs } from '@strongroom/service';

export interface SocketHooks {
  readonly refused: (socket: string, error: unknown) => void;
  readonly failed: (verb: string, error: unknown) => void;
}

export interface OpenSocket {
  /** TLS only: shows another certificate from the next connection on. */
  renew(identity: Identity): void;
  close(): void;
}

/** Plain calls: who may connect is decided by the socket's mode, 0600. */
export async function openAdminSocket(path: string, verbs: RpcVerbs<unknown>, hooks: SocketHooks): Promise<OpenSocket> {
  const connections = new Set<Socket>();
  const server = createPlain((socket) => serve(socket, 'admin', verbs, hooks, connections));
  await listen(server, path, 0o600, null);
  return { renew: () => undefined, close: () => close(server, connections) };
}

/** Calls over mutual TLS by exactly one identity. `group` may connect; null: our own. */
export async function openPeerSocket(
  path: string, group: number | null, identity: Identity, peer: string, verbs: RpcVerbs<unknown>, hooks: SocketHooks,
): Promise<OpenSocket> {
  const connections = new Set<Socket>();
  const server = createTls(tlsServerOptions(identity), (socket) => {
    try {
      expectPeer(socket, peer);
      serve(socket, peer, verbs, hooks, connections);
    } catch (error) {
      hooks.refused(path, error);
      socket.on('error', () => undefined);
      socket.destroy();
    }
  });
  server.on('tlsClientError', (error, socket) => {
    hooks.refused(path, error);
    socket.destroy();
  });
  await listen(server, path, 0o660, group);
  return { renew: (next) => server.setSecureContext(tlsServerOptions(next)), close: () => close(server, connections) };
}

function expectPeer(socket: TLSSocket, expected: string): void {
  const id = peerSpiffe(socket);
  if (id !== expected) throw new Refused('keys.peer', `${id} may not use the keys`, { why: `this socket is for ${expected} alone` });
}

function serve(socket: Socket, caller: string, verbs: RpcVerbs<unknown>, hooks: SocketHooks, connections: Set<Socket>): void {
  connections.add(socket);
  void serveRpc(socket, verbs, { caller, onError: hooks.failed }).then(() => connections.delete(socket));
}

function close(server: Server, connections: ReadonlySet<Socket>): void {
  server.close();
  for (const socket of connections) socket.destroy();
}

/** The umask of this process lets nobody in between binding and the modes that are set here. */
async function listen(server: Server, path: string, mode: number, group: number | null): Promise<void> {
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath(path), resolve);
  });
  if (group !== null && group !== process.getgid?.()) chownSync(path, -1, group);
  chmodSync(path, mode);
}

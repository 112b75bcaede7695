// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import type { Target } from './load.ts';

/** TLS 1.3 connections to a loopback port with a client certificate, each through its handshake. */
export function openConnections(target: Target, count: number): Promise<TLSSocket[]> {
  const options = {
    host: '127.0.0.1', port: target.port, servername: 'localhost', minVersion: 'TLSv1.3',
    ca: readFileSync(target.ca), cert: readFileSync(target.certificate), key: readFileSync(target.key),
  } as const;
  return Promise.all(Array.from({ length: count }, () => new Promise<TLSSocket>((resolve, reject) => {
    const socket = connect(options, () => resolve(socket.off('error', reject).setNoDelay(true)));
    socket.once('error', reject);
  })));
}

/** Resolves when the connection is closed after {@link TLSSocket.end}; what the other side says is read and dropped. */
export function ended(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => (socket.writableFinished ? resolve() : reject(new Error('the connection was closed before everything was sent'))));
    if (socket.listenerCount('data') === 0) socket.resume();
  });
}

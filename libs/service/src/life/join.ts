// SPDX-License-Identifier: Apache-2.0
// A service that systemd started has no channel to the supervisor: it joins it at a Unix socket, and from then on this
// process looks as if the supervisor had started it. What goes over it is what goes over Node's channel, one JSON value
// a line. Who may connect is a matter of the socket's owner and mode.
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { LineSplitter } from '../calls/rpc-lines.ts';

const RETRY_MS = 250;
/** The largest message is a whole registry. */
export const JOIN_LINE_BYTES_MAX = 64 * 1024 * 1024;

/** First on a joined connection, from the service. */
export interface Hello {
  readonly kind: 'hello';
  readonly pid: number;
}

/** Resolves once joined; a supervisor that is not there yet is waited for, as long as systemd lets us start. */
export async function joinSupervisor(path: string): Promise<void> {
  let socket = await attempt(path);
  while (socket === null) {
    await delay(RETRY_MS);
    socket = await attempt(path);
  }
  takeOver(socket);
}

function attempt(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(null));
  });
}

function takeOver(socket: Socket): void {
  const write = (message: unknown): boolean => socket.write(`${JSON.stringify(message)}\n`);
  process.connected = true;
  process.send = (message: unknown): boolean => write(message);
  const lines = new LineSplitter(JOIN_LINE_BYTES_MAX);
  socket.removeAllListeners('error').on('error', gone).on('close', gone).on('end', gone).on('data', (chunk: Buffer) => lines.push(chunk, take));
  write({ kind: 'hello', pid: process.pid } satisfies Hello);
}

function take(line: string): void {
  process.emit('message', JSON.parse(line) as never, undefined);
}

function gone(): void {
  if (!process.connected) return;
  process.connected = false;
  process.emit('disconnect');
}

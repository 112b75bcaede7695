// SPDX-License-Identifier: Apache-2.0
// For tests: ports for those who must know theirs beforehand. They lie below those that the kernel gives to whoever asks for any
// one: no other test's connection or listener takes it meanwhile.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const [FIRST, BEHIND] = [20_000, 30_000];

/** A TCP port of 127.0.0.1 that nobody listens on. */
export function freePort(): Promise<number> {
  return first(async (port) => {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
  });
}

/** A UDP port of 127.0.0.1 that nobody has. */
export function freeUdpPort(): Promise<number> {
  return first(async (port) => {
    const socket = createSocket('udp4').bind(port, '127.0.0.1');
    await once(socket, 'listening');
    socket.close();
    await once(socket, 'close');
  });
}

/** The first that can be taken. */
async function first(take: (port: number) => Promise<void>): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, BEHIND);
    try {
      await take(port);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

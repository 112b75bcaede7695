// SPDX-License-Identifier: Apache-2.0
// A program of connections.test.ts: opens many connections of one source, tells when all are open, sends one record by each
// when it is told to, keeps them, tells when all were closed by the other side, and ends with the
// test. Arguments: host, port, directory with cert.pem, key.pem and ca.pem, number of the first connection, how many.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';

export type FromCrowd = { readonly kind: 'open' } | { readonly kind: 'closed'; readonly firstAtMs: number; readonly lastAtMs: number };

const HANDSHAKES_TOGETHER = 32;
const [host = '', port = '', identity = '', first = '', count = ''] = process.argv.slice(2);
const pem = (name: string): Buffer => readFileSync(join(identity, name));
const secureContext = createSecureContext({ cert: pem('cert.pem'), key: pem('key.pem'), ca: pem('ca.pem'), minVersion: 'TLSv1.3' });
const sockets: TLSSocket[] = [];
const closedAtMs: number[] = [];

function tell(message: FromCrowd): void {
  process.send?.(message);
}

async function open(): Promise<void> {
  const socket = connect({ host, port: Number(port), servername: 'localhost', secureContext });
  await once(socket, 'secureConnect');
  sockets.push(socket);
  socket.on('error', () => undefined).resume(); // what was lost is seen by who looks for it
  socket.on('close', () => {
    closedAtMs.push(Date.now());
    if (closedAtMs.length === Number(count)) tell({ kind: 'closed', firstAtMs: Math.min(...closedAtMs), lastAtMs: Math.max(...closedAtMs) });
  });
}

process.once('disconnect', () => process.exit()); // the test is gone
for (let left = Number(count); left > 0; left -= HANDSHAKES_TOGETHER) {
  await Promise.all(Array.from({ length: Math.min(left, HANDSHAKES_TOGETHER) }, open));
}
process.on('message', () => {
  for (const [i, socket] of sockets.entries()) {
    const message = `<134>1 - - crowd - - - connection ${Number(first) + i}`;
    socket.write(`${message.length} ${message}`);
  }
});
tell({ kind: 'open' });

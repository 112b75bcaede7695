// SPDX-License-Identifier: Apache-2.0
// A TLS server that drops what it gets: sink.ts <port or path> <ca> <certificate> <key>. Tells its address to its parent.
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';

const [listenOn = '0', ca = '', certificate = '', key = ''] = process.argv.slice(2);
const server = createServer({
  ca: readFileSync(ca), cert: readFileSync(certificate), key: readFileSync(key), requestCert: true, rejectUnauthorized: true,
  minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET,
}, (socket) => socket.on('error', () => undefined).resume());
const listening = (): void => { process.send!(listenOn.startsWith('/') ? listenOn : String((server.address() as AddressInfo).port)); };
if (listenOn.startsWith('/')) server.listen(listenOn, listening);
else server.listen(Number(listenOn), '127.0.0.1', listening);
process.once('disconnect', () => process.exit(0));

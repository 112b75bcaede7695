// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { Refused } from '@strongroom/bytes';

/**
 * One vault for each store: the kernel holds the name of an abstract Unix socket for one process and drops it with the
 * process, however that ends. Throws `Refused('vault.in-use')`.
 */
export function holdExclusively(store: string): Promise<Server> {
  const { dev, ino } = statSync(store);
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new Refused('vault.in-use', `${store} is in use by another vault`, { why: cause.message, fix: 'stop the other one, or choose another $STRONGROOM_HOME', cause })));
    server.listen(`\0strongroom-vault-${dev}-${ino}`, () => {
      server.unref();
      resolve(server);
    });
  });
}

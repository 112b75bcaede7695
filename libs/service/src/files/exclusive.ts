// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { Refused } from '@strongroom/bytes';

/**
 * One process for each directory: the kernel holds the name of an abstract Unix socket for one process and drops it with
 * the process, however that ends. `kind` is what uses the directory. Throws `Refused('<kind>.in-use')`.
 */
export function holdExclusively(kind: string, directory: string): Promise<Server> {
  const { dev, ino } = statSync(directory);
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new Refused(`${kind}.in-use`, `${directory} is in use by another ${kind}`, { why: cause.message, fix: 'stop the other one, or choose another directory', cause })));
    server.listen(`\0strongroom-${kind}-${dev}-${ino}`, () => {
      server.unref();
      resolve(server);
    });
  });
}

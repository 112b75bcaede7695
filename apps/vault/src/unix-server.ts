// SPDX-License-Identifier: Apache-2.0
import { chmodSync, chownSync, rmSync } from 'node:fs';
import type { Server } from 'node:tls';
import { socketPath } from '@strongroom/service';

/** Listens on a Unix socket with this mode, in this group if one is given. What an earlier life left there goes. */
export function listenOn(server: Server, path: string, mode: number, group: number | null): Promise<Server> {
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath(path), () => {
      if (group !== null && group !== process.getgid!()) chownSync(path, -1, group);
      chmodSync(path, mode);
      resolve(server);
    });
  });
}

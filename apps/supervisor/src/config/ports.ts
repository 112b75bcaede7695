// SPDX-License-Identifier: Apache-2.0
// Whether the ports that shall be listened on are free, before anything is started.
import { createServer, type AddressInfo } from 'node:net';
import { Refused } from '@strongroom/bytes';
import { portHolders, tryPort, type Config, type WantedPort } from '@strongroom/service';

/** Throws `Refused` for the first port that cannot be had: `supervisor.port-taken`, `supervisor.port-refused`. */
export async function checkPorts(wanted: readonly WantedPort[]): Promise<void> {
  for (const one of wanted.filter(({ port }) => port !== 0)) {
    const error = await tryPort(one);
    if (error !== null) throw refused(one, error);
  }
}

/**
 * The configuration with a free port in place of each 0 of the gateway, whose processes share their ports, and of the
 * witness: after a restart those who come to them must find them where they were.
 */
export async function settlePorts(config: Config): Promise<Config> {
  const listeners: Record<string, unknown> = {};
  for (const [name, listener] of Object.entries(config.gateway.listeners)) {
    const isFree = listener.enabled && listener.port === 0;
    listeners[name] = isFree ? { ...listener, port: await freePort(listener.address) } : listener;
  }
  const { serve } = config.witness;
  const port = serve.enabled && serve.port === 0 ? await freePort(serve.address) : serve.port;
  return {
    ...config, gateway: { ...config.gateway, listeners: listeners as Config['gateway']['listeners'] }, witness: { ...config.witness, serve: { ...serve, port } },
  };
}

/** Free for TCP; for UDP it very likely is too, and binding tells. */
function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function refused({ key, transport, address, port }: WantedPort, error: NodeJS.ErrnoException): Refused | Error {
  if (error.code === 'EADDRINUSE') {
    const holders = portHolders(port, transport).map(({ pid, name }) => `${name} (process ${pid})`);
    return new Refused('supervisor.port-taken', `port ${port} of ${address} is taken`, {
      why: holders.length === 0 ? 'a process that we may not look into holds it' : `${holders.join(' and ')} holds it`,
      fix: `stop that, or set ${key}.port to another port (0: any free one) in the file that STRONGROOM_CONFIG names`,
      fields: { port, key },
    });
  }
  return new Refused('supervisor.port-refused', `port ${port} of ${address} cannot be listened on`, {
    why: error.code === 'EACCES' ? 'ports below 1024 need root' : error.message,
    fix: error.code === 'EACCES' ? `start as root, or set ${key}.port above 1023` : `correct ${key} in the file that STRONGROOM_CONFIG names`,
    cause: error, fields: { port, key },
  });
}

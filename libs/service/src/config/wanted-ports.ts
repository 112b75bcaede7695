// SPDX-License-Identifier: Apache-2.0
// The ports that a configuration listens on, and whether one can be had here and now.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { ServiceName } from '../files/layout.ts';
import type { Config } from './config-schema.ts';

export interface WantedPort {
  /** The configuration key above `port`. */
  readonly key: string;
  readonly transport: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
}

/** Everything that listens by this configuration; port 0 means any free one. */
export function wantedPorts(config: Config): readonly WantedPort[] {
  const { syslogTls, relpTls, syslogTcp, syslogUdp } = config.gateway.listeners;
  const all = [
    ['syslogTls', syslogTls, 'tcp'], ['relpTls', relpTls, 'tcp'], ['syslogTcp', syslogTcp, 'tcp'], ['syslogUdp', syslogUdp, 'udp'],
  ] as const;
  const enabled = all.filter(([, listener]) => listener.enabled);
  return [
    ...enabled.map(([name, { address, port }, transport]) => ({ key: `gateway.listeners.${name}`, transport, address, port })),
    ...(config.witness.serve.enabled ? [{ key: 'witness.serve', transport: 'tcp' as const, address: config.witness.serve.address, port: config.witness.serve.port }] : []),
    ...(config.rack.enabled && config.rack.traps.enabled ? [{ key: 'rack.traps', transport: 'udp' as const, address: config.rack.traps.address, port: config.rack.traps.port }] : []),
    { key: 'supervisor.metrics', transport: 'tcp', ...config.supervisor.metrics },
  ];
}

/** The ports of one service alone. */
export function portsOf(service: ServiceName, config: Config): number[] {
  const section = service === 'rack-monitor' ? 'rack' : service;
  return wantedPorts(config).filter(({ key }) => key.startsWith(`${section}.`)).map(({ port }) => port);
}

/** Listens for a moment. Resolves with the system's refusal (`EADDRINUSE`, `EACCES`, …), or null. */
export function tryPort(wanted: WantedPort): Promise<NodeJS.ErrnoException | null> {
  return wanted.transport === 'tcp' ? tryTcp(wanted) : tryUdp(wanted);
}

function tryTcp({ address, port }: WantedPort): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const server = createServer().once('error', resolve);
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

function tryUdp({ address, port }: WantedPort): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').once('error', resolve);
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(null)));
  });
}

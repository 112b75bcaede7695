// SPDX-License-Identifier: Apache-2.0
// What the configuration says is listened to.
import type { Server, Socket } from 'node:net';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import type { Config, Listener } from '@strongroom/service';
import type { Say } from './events.ts';
import { addressOf, listenTcp, listenTls, type Endpoint } from './listeners.ts';
import type { TlsMaterial } from './tls-material.ts';

export interface Admit {
  tls(protocol: string, socket: TLSSocket): void;
  plain(socket: Socket): void;
}

export class Doors {
  readonly #tls: TlsServer[] = [];
  readonly #all: { readonly protocol: string; readonly server: Server }[] = [];

  /** Throws `Failed('gateway.listen')`. */
  async open({ listeners, handshakeTimeoutMs }: Config['gateway'], connectionsMax: number, material: TlsMaterial, say: Say, admit: Admit): Promise<void> {
    const { syslogTls, relpTls, syslogTcp } = listeners;
    for (const [protocol, door] of [['syslog-tls', syslogTls], ['relp-tls', relpTls]] as const) {
      if (!door.enabled) continue;
      const endpoint: Endpoint = { ...door, protocol, connectionsMax };
      const server = await listenTls(endpoint, material, handshakeTimeoutMs, say, (socket) => admit.tls(protocol, socket));
      this.#tls.push(server);
      this.#all.push({ protocol, server });
    }
    if (!syslogTcp.enabled) return;
    const endpoint: Endpoint = { ...syslogTcp, protocol: 'syslog-tcp', connectionsMax };
    this.#all.push({ protocol: 'syslog-tcp', server: await listenTcp(endpoint, say, (socket) => admit.plain(socket)) });
  }

  get listeners(): readonly Listener[] {
    return this.#all.map(({ protocol, server }) => ({ protocol, address: addressOf(server) }));
  }

  /** Producers that connect from now on meet this. */
  show(material: TlsMaterial): void {
    for (const server of this.#tls) server.setSecureContext(material.options);
  }

  close(): void {
    for (const { server } of this.#all) server.close();
  }
}

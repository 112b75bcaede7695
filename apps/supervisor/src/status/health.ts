// SPDX-License-Identifier: Apache-2.0
// /metrics (OpenMetrics) and /health for machines that watch this one.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { METRICS_TYPE, type Health } from '@strongroom/service';

const TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 64;

export interface HealthFacts {
  /** Resolves when the others are of now. */
  measure(): Promise<void>;
  metrics(): string;
  health(): Health;
}

/** Serves on an address; resolves with the server once it listens, rejects when it cannot. */
export function serveHealth(address: string, port: number, facts: HealthFacts): Promise<Server> {
  const server = createServer({ requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS, keepAliveTimeout: TIMEOUT_MS }, async (request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') return reply(response, 405, 'text/plain', 'only GET\n');
    if (path === '/metrics' || path === '/health') await facts.measure();
    if (path === '/metrics') return reply(response, 200, METRICS_TYPE, facts.metrics());
    if (path !== '/health') return reply(response, 404, 'text/plain', 'here are /metrics and /health\n');
    const health = facts.health();
    return reply(response, health.ok ? 200 : 503, 'application/json', `${JSON.stringify(health)}\n`);
  });
  server.maxConnections = CONNECTIONS_MAX;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

/** `host:port`, a v6 host in brackets. */
export function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

function reply(response: ServerResponse, code: number, type: string, body: string): void {
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' });
  response.end(body);
}

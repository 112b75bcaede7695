// SPDX-License-Identifier: Apache-2.0
// Mutual TLS 1.3 between two Node processes which do nothing else: over loopback TCP as producers send, and over a Unix
// socket as the gateway submits.
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { writePeerFiles, type PeerFiles } from './certificates.ts';
import { ended } from './connections.ts';
import { framed, makeEvents } from './events.ts';
import { Generator } from './load.ts';
import { cpuSeconds } from './processes.ts';

const EVENTS = 2_000_000;
const CONNECTIONS = 4;
const SUBMISSION_BYTES = 512 * 1024;
const POOL_EVENTS = 32_768;

export interface TlsFloor {
  readonly MBs: number;
  /** CPU time, µs for each event. */
  readonly sendUs: number;
  readonly receiveUs: number;
}

/** The load of the bench into a process that drops it. */
export function loopbackTls(): Promise<TlsFloor> {
  return withSink('tcp', async (sink, files) => {
    const target = { port: Number(sink.address), ca: files.ca, ...files.client };
    const generator = await Generator.prepare({ kind: 'syslog', target, connections: CONNECTIONS, events: EVENTS });
    const before = cpuSeconds([sink.pid]);
    const { bytes, firstAtNs, lastAtNs, cpuSeconds: sent } = await generator.run().finally(() => generator.stop());
    return floor(bytes, EVENTS, Number(lastAtNs - firstAtNs) / 1e9, sent, cpuSeconds([sink.pid]) - before);
  });
}

/** The same octets in pieces of half a megabyte over one connection on a Unix socket. */
export function socketTls(): Promise<TlsFloor> {
  return withSink('unix', async (sink, { ca, client }) => {
    const pool = framed(makeEvents(POOL_EVENTS), SUBMISSION_BYTES);
    const socket = connect({ path: sink.address, servername: 'localhost', minVersion: 'TLSv1.3', ca: readFileSync(ca), cert: readFileSync(client.certificate), key: readFileSync(client.key) });
    await new Promise<void>((resolve, reject) => { socket.once('secureConnect', resolve).once('error', reject); });
    const over = ended(socket);
    const [receivedBefore, sentBefore, start] = [cpuSeconds([sink.pid]), process.cpuUsage(), performance.now()];
    let [events, bytes] = [0, 0];
    for (let next = 0; events < EVENTS; next += 1) {
      const chunk = pool[next % pool.length]!;
      events += chunk.events;
      bytes += chunk.bytes.length;
      if (!socket.write(chunk.bytes)) await new Promise((resolve) => { socket.once('drain', resolve); });
    }
    socket.end();
    await over;
    const { user, system } = process.cpuUsage(sentBefore);
    return floor(bytes, events, (performance.now() - start) / 1000, (user + system) / 1e6, cpuSeconds([sink.pid]) - receivedBefore);
  });
}

function floor(bytes: number, events: number, seconds: number, sendSeconds: number, receiveSeconds: number): TlsFloor {
  return { MBs: bytes / seconds / 1e6, sendUs: (sendSeconds * 1e6) / events, receiveUs: (receiveSeconds * 1e6) / events };
}

interface Sink {
  readonly pid: number;
  /** Port, or path. */
  readonly address: string;
}

async function withSink<T>(kind: 'tcp' | 'unix', use: (sink: Sink, files: PeerFiles) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-bench-tls-'));
  let child: ChildProcess | undefined;
  try {
    const files = await writePeerFiles(directory);
    const listenOn = kind === 'tcp' ? '0' : join(directory, 'sink.sock');
    child = fork(join(import.meta.dirname, 'sink.ts'), [listenOn, files.ca, files.server.certificate, files.server.key]);
    const address = await new Promise<string>((resolve, reject) => {
      child!.once('message', (message) => resolve(String(message)));
      child!.once('exit', (code) => reject(new Error(`the TLS sink ended with exit code ${code}`)));
    });
    return await use({ pid: child.pid!, address }, files);
  } finally {
    child?.removeAllListeners('exit').kill('SIGKILL');
    rmSync(directory, { recursive: true });
  }
}

// SPDX-License-Identifier: Apache-2.0
// RELP clients with a window, at a steady rate or as fast as acknowledgements come, measuring the time to each of them.
import type { TLSSocket } from 'node:tls';
import { ended, openConnections } from './connections.ts';
import { makeEvents } from './events.ts';
import type { LoadResult, RelpLoad } from './load.ts';
import { percentile } from './statistics.ts';

const POOL_EVENTS = 32_768;
const PACE_MS = 2;
/** Acknowledgement times kept; more than any run here has. */
const TIMES_MAX = 8_000_000;
/** RESPONSE = TXNR SP "rsp" SP DATALEN [SP DATA] LF, its LF taken with the one after it. */
const RESPONSE = /\n?(\d+) (rsp|serverclose) (\d+)[ \n]/y;
const OFFERS = 'relp_version=0\nrelp_software=strongroom-bench\ncommands=syslog';

export async function prepareRelp(load: RelpLoad): Promise<() => Promise<LoadResult>> {
  const pool = makeEvents(POOL_EVENTS);
  const times = new Times();
  const sockets = await openConnections(load.target, load.connections);
  const clients = sockets.map((socket, index) => new RelpClient(socket, load.window, pool, Math.floor((POOL_EVENTS * index) / sockets.length), times));
  await Promise.all(clients.map((client) => client.opened));
  return async () => {
    const cpu = process.cpuUsage();
    const firstAtNs = process.hrtime.bigint();
    if (load.eventsPerSecond > 0) await pace(clients, load);
    else await flood(clients, load.seconds);
    await Promise.all(clients.map((client) => client.settled()));
    const lastAtNs = process.hrtime.bigint();
    await Promise.all(clients.map((client) => client.close()));
    const used = process.cpuUsage(cpu);
    const sum = (of: (client: RelpClient) => number): number => clients.reduce((total, client) => total + of(client), 0);
    return {
      events: sum(({ acked }) => acked), bytes: sum(({ bytes }) => bytes), firstAtNs, lastAtNs,
      cpuSeconds: (used.user + used.system) / 1e6, ack: times.summary(),
    };
  };
}

/** A few messages every 2 ms, to each client in turn. What a full window holds back is sent later, and its wait counts. */
function pace(clients: readonly RelpClient[], { eventsPerSecond, seconds }: RelpLoad): Promise<void> {
  const start = performance.now();
  let given = 0;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = Math.min(performance.now() - start, seconds * 1000);
      const due = Math.floor((elapsedMs * eventsPerSecond) / 1000);
      clients.forEach((client, index) => client.allow(Math.floor((due + index) / clients.length) - Math.floor((given + index) / clients.length)));
      given = due;
      if (elapsedMs < seconds * 1000) return;
      clearInterval(timer);
      resolve();
    }, PACE_MS);
  });
}

function flood(clients: readonly RelpClient[], seconds: number): Promise<void> {
  for (const client of clients) client.flood();
  return new Promise((resolve) => {
    setTimeout(() => {
      for (const client of clients) client.forbid();
      resolve();
    }, seconds * 1000);
  });
}

class Times {
  readonly #ms = new Float64Array(TIMES_MAX);
  #count = 0;

  add(ms: number): void {
    if (this.#count < TIMES_MAX) this.#ms[this.#count++] = ms;
  }

  summary(): NonNullable<LoadResult['ack']> {
    const sorted = this.#ms.subarray(0, this.#count).sort();
    return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), maxMs: percentile(sorted, 1) };
  }
}

/** One session. Transactions 1 is `open`; messages follow; the last is `close`. */
class RelpClient {
  readonly opened: Promise<void>;
  acked = 0;
  bytes = 0;
  readonly #socket: TLSSocket;
  readonly #window: number;
  readonly #pool: readonly string[];
  readonly #times: Times;
  readonly #open = Promise.withResolvers<void>();
  readonly #drained = Promise.withResolvers<void>();
  /** Since when messages are due that are not sent yet. */
  readonly #due: number[] = [];
  /** The same of those that are sent and not acknowledged, by transaction modulo the window. */
  readonly #since: Float64Array;
  #allowed = 0;
  #next: number;
  #transaction = 1;
  #sent = 0;
  #settling = false;
  #closing = false;
  #input = '';

  constructor(socket: TLSSocket, window: number, pool: readonly string[], from: number, times: Times) {
    this.#socket = socket;
    this.#window = window;
    this.#pool = pool;
    this.#next = from;
    this.#times = times;
    this.#since = new Float64Array(window);
    this.opened = this.#open.promise;
    this.#drained.promise.catch(() => undefined); // told by settled()
    socket.setEncoding('latin1').on('data', (text: string) => this.#take(text));
    socket.once('error', (error) => this.#fail(error));
    socket.once('close', () => this.#fail(new Error('the RELP server closed the connection')));
    socket.write(`1 open ${OFFERS.length} ${OFFERS}\n`);
  }

  /** So many more messages are due now; their time to acknowledgement begins here, also when the window holds them back. */
  allow(count: number): void {
    const now = performance.now();
    for (let i = 0; i < count; i += 1) this.#due.push(now);
    this.#allowed += count;
    this.#send();
  }

  /** Messages go as soon as the window has room, until {@link forbid}. */
  flood(): void {
    this.#allowed = Infinity;
    this.#send();
  }

  forbid(): void {
    this.#allowed = 0;
  }

  /** Resolves when everything is acknowledged. Nothing may be sent any more. */
  settled(): Promise<void> {
    this.#settling = true;
    this.#settle();
    return this.#drained.promise;
  }

  /** Closes as the protocol says. */
  async close(): Promise<void> {
    this.#closing = true;
    const over = ended(this.#socket);
    this.#socket.write(`${this.#transaction + 1} close 0\n`);
    await over;
  }

  #send(): void {
    const count = Math.min(this.#allowed, this.#window - (this.#sent - this.acked));
    if (count <= 0) return;
    const now = performance.now();
    let text = '';
    for (let i = 0; i < count; i += 1) {
      const message = this.#pool[this.#next++ % this.#pool.length]!;
      this.#transaction += 1;
      text += `${this.#transaction} syslog ${message.length} ${message}\n`;
      this.#since[this.#transaction % this.#window] = this.#due.shift() ?? now;
    }
    this.#sent += count;
    this.#allowed -= count;
    this.bytes += text.length;
    this.#socket.write(text, 'latin1');
  }

  #take(text: string): void {
    this.#input = this.#input === '' ? text : this.#input + text;
    let at = 0;
    for (;;) {
      RESPONSE.lastIndex = at;
      const found = RESPONSE.exec(this.#input);
      if (found === null) break;
      const length = Number(found[3]);
      const data = RESPONSE.lastIndex;
      const end = data + length;
      if (end > this.#input.length) break;
      if (found[2] === 'rsp') this.#response(Number(found[1]), this.#input.slice(data, data + length));
      at = end;
    }
    this.#input = this.#input.slice(at);
    this.#send();
    this.#settle();
  }

  #response(transaction: number, data: string): void {
    if (this.#closing && transaction > this.#transaction) {
      this.#socket.end();
    } else if (!data.startsWith('200')) {
      this.#fail(new Error(`the RELP server answered "${data.slice(0, 80)}"`));
    } else if (transaction === 1) {
      this.#open.resolve();
    } else {
      this.acked += 1;
      this.#times.add(performance.now() - this.#since[transaction % this.#window]!);
    }
  }

  #settle(): void {
    if (this.#settling && this.#allowed <= 0 && this.acked === this.#sent) this.#drained.resolve();
  }

  #fail(error: Error): void {
    this.#open.reject(error);
    this.#drained.reject(error);
  }
}

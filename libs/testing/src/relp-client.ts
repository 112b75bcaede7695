// SPDX-License-Identifier: Apache-2.0
// A RELP client that keeps account: what it was told is sealed is an obligation of the other side. When a connection
// ends it makes a new one and sends again what was not answered, as RELP clients do.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';

const OFFERS = 'relp_version=0\nrelp_software=strongroom-testing\ncommands=syslog';
const TXNR_MAX = 999_999_999;
const RETRY_MS = 50;
/** Only so that a gateway that hangs does not hold a test. */
const CLOSE_MS_MAX = 60_000;

export interface RelpClientOptions {
  /** `host:port`. */
  readonly address: string;
  /** Directory with cert.pem, key.pem and ca.pem. */
  readonly identity: string;
  /** Sent and not answered. */
  readonly window: number;
  /** Offers `strongroom_receipts`: then {@link RelpClient.receipts} tells where each text lies, and with 2 under which checkpoint. */
  readonly receipts?: 1 | 2;
}

/** Where the log holds a text. */
export interface RelpReceipt {
  readonly text: string;
  readonly origin: string;
  /** `<entry>-<record>` */
  readonly id: string;
  /** Entries of the log with it. */
  readonly size: number;
  /** The signed note of its commit's checkpoint; empty where it was not asked for. */
  readonly checkpoint: string;
}

export class RelpClient {
  readonly #options: RelpClientOptions;
  /** Texts that were answered with 200, in the order of the answers. */
  readonly acked: string[] = [];
  /** Answers other than 200. */
  readonly refused: string[] = [];
  readonly receipts: RelpReceipt[] = [];
  /** The answer that opened the session. */
  offered = '';
  connections = 0;
  #waiting: string[] = [];
  #unanswered = new Map<number, string>();
  #socket: TLSSocket | undefined;
  #txnr = 0;
  #isOpen = false;
  #closed = false;
  #answered = Promise.withResolvers<void>();

  constructor(options: RelpClientOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Queued and unanswered together. */
  get pending(): number {
    return this.#waiting.length + this.#unanswered.size;
  }

  /** Queues texts; resolves when fewer than two windows are pending, so that a producer is slowed down. */
  async send(texts: readonly string[]): Promise<void> {
    this.#waiting.push(...texts);
    this.#pump();
    while (this.pending > 2 * this.#options.window) await this.#answered.promise;
  }

  /** Resolves when everything is answered. */
  async settle(): Promise<void> {
    while (this.pending > 0) await this.#answered.promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    const closed = new Promise<void>((resolve) => { socket.once('close', () => resolve()); });
    if (this.#isOpen) socket.write(`${(this.#txnr += 1)} close 0\n`);
    socket.end();
    await Promise.race([closed, delay(CLOSE_MS_MAX, undefined, { ref: false })]);
    socket.destroy();
  }

  #connect(): void {
    const { address, identity } = this.#options;
    const at = address.lastIndexOf(':');
    const pem = (name: string): Buffer => readFileSync(join(identity, name));
    const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)), servername: 'localhost', cert: pem('cert.pem'), key: pem('key.pem'), ca: pem('ca.pem') });
    let held = '';
    this.#socket = socket;
    this.#txnr = 1;
    socket.setNoDelay(true);
    const offers = this.#options.receipts === undefined ? OFFERS : `${OFFERS}\nstrongroom_receipts=${this.#options.receipts}`;
    socket.on('secureConnect', () => { socket.write(`1 open ${offers.length} ${offers}\n`); });
    socket.on('data', (chunk: Buffer) => { held = this.#take(held + chunk.toString('latin1')); });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => void this.#lost());
  }

  async #lost(): Promise<void> {
    this.#isOpen = false;
    this.#waiting.unshift(...this.#unanswered.values());
    this.#unanswered.clear();
    if (this.#closed) return;
    await delay(RETRY_MS);
    if (!this.#closed) this.#connect();
  }

  /** Answers are `TXNR rsp LENGTH DATA LF`. Returns what is not whole yet. */
  #take(text: string): string {
    let rest = text;
    for (;;) {
      const head = /^([0-9]{1,9}) ([a-z]+) ([0-9]{1,9})/.exec(rest);
      if (head === null) return rest;
      const length = Number(head[3]);
      const end = head[0].length + (length > 0 ? length + 1 : 0) + 1;
      if (rest.length < end) return rest;
      if (head[2] === 'rsp') this.#answer(Number(head[1]), rest.slice(head[0].length + 1, end - 1));
      rest = rest.slice(end);
    }
  }

  #answer(txnr: number, data: string): void {
    if (txnr === 1) {
      this.#isOpen = true;
      this.offered = data;
      this.connections += 1;
    } else {
      const text = this.#unanswered.get(txnr);
      if (text !== undefined) (data.startsWith('200') ? this.acked : this.refused).push(text);
      this.#unanswered.delete(txnr);
      const [, origin, id, size, note] = /^200 OK\nstrongroom (\S+) ([0-9]+-[0-9]+) ([0-9]+)(?:\n([^]*))?$/.exec(data) ?? [];
      if (text !== undefined && id !== undefined) this.receipts.push({ text, origin: origin!, id, size: Number(size), checkpoint: Buffer.from(note ?? '', 'latin1').toString() });
    }
    this.#answered.resolve();
    this.#answered = Promise.withResolvers<void>();
    this.#pump();
  }

  #pump(): void {
    if (!this.#isOpen) return;
    const frames: string[] = [];
    while (this.#waiting.length > 0 && this.#unanswered.size < this.#options.window) {
      const text = this.#waiting.shift()!;
      this.#txnr = this.#txnr === TXNR_MAX ? 2 : this.#txnr + 1;
      this.#unanswered.set(this.#txnr, text);
      frames.push(`${this.#txnr} syslog ${Buffer.byteLength(text)} ${text}\n`);
    }
    if (frames.length > 0) this.#socket!.write(frames.join(''));
  }
}

// SPDX-License-Identifier: Apache-2.0
// Signed notifications, out of what comes to a port. net-snmp decrypts and checks digests; this decides what it is given, because it
// takes messages of a user without a name for no reason, knows no window of time, and keeps a key for each engine that it is told.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import snmp from '../snmp/library.ts';
import { claimsOf, outerForm, plainPdu, type Claims, type OuterForm } from '../snmp/outer-form.ts';
import { snmpUser } from '../snmp/session.ts';
import type { Credentials } from '../snmp/target.ts';
import { answerOf, type Answer } from '../snmp/value.ts';
import { Budget } from './budget.ts';
import { Windows } from './window.ts';

/** GetRequest, by which a sender of informs finds out which engine we are. */
const GET = 0xa0;
/** What an inform may differ from our own time. */
const WINDOW_SECONDS = 150;
/** Our engine booted once, at this time, and its seconds go on over our lives: senders of informs that learnt its time before we began
 * anew are still right. Its seconds have 31 bits. */
const BOOTS = 1;
const BOOTED_S = 1_700_000_000;

/** Answers in a second to who asks which engine we are: anybody may, in the name of anybody. */
const REPORTS_MAX = 50;
/** In a second, of one device: each costs a decryption and a digest, and whoever knows its engine can send them. */
const WRONG_MAX = 20;
const SECOND_MS = 1000;

/** Whom an engine, or a user of informs, belongs to. */
export interface Sender {
  readonly name: string;
  readonly address: string;
  readonly engineId: string | null;
  readonly engineBoots: number;
  readonly engineSeconds: number;
  readonly credentials: Credentials | null;
}

export interface Notice {
  readonly device: string;
  readonly peer: string;
  readonly claims: Claims;
  readonly isInform: boolean;
  readonly values: readonly Answer[];
}

export type Refusal = 'garbage' | 'unsigned' | 'unknown-engine' | 'unknown-user' | 'wrong-digest' | 'old' | 'again' | 'too-many';

export interface ReceiverHooks {
  /** Looked through for each message that says it is signed: it costs nothing to ask. */
  readonly senders: readonly Sender[];
  believed(notice: Notice): void;
  /** `form` and `pdu` of what nobody signed. */
  refused(why: Refusal, peer: string, datagram: Buffer, form: OuterForm | null): void;
  failed(error: Error): void;
}

export class TrapReceiver {
  readonly #hooks: ReceiverHooks;
  readonly #socket: Socket;
  readonly #receiver: ReturnType<typeof snmp.createReceiver>;
  readonly #windows = new Windows();
  readonly #reports = new Budget(REPORTS_MAX, SECOND_MS);
  readonly #wrong = new Budget(WRONG_MAX, SECOND_MS);
  readonly #startedAt = performance.now();
  readonly #startedS = Math.max(1, Math.floor(Date.now() / 1000) - BOOTED_S);
  #heard: Notice['values'] | null = null;
  #type = 0;

  private constructor(socket: Socket, engineId: string, hooks: ReceiverHooks) {
    this.#socket = socket;
    this.#hooks = hooks;
    const silent = { on: () => undefined, bind: () => undefined, close: () => undefined };
    this.#receiver = snmp.createReceiver({ dgramModule: { createSocket: () => silent }, engineID: engineId, includeAuthentication: true, port: 162 }, (error, notification) => {
      if (error !== null) return;
      this.#heard = notification.pdu.varbinds.map(answerOf);
      this.#type = notification.pdu.type;
    });
    socket.on('message', (datagram, from) => this.#take(datagram, from));
    socket.on('error', (error) => hooks.failed(error));
  }

  /** `engineId`: hexadecimal, the same at each start. Rejects with an error of the socket's. */
  static async listen(address: string, port: number, engineId: string, hooks: ReceiverHooks): Promise<TrapReceiver> {
    const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', reuseAddr: false });
    const receiver = new TrapReceiver(socket, engineId, hooks);
    socket.bind({ address, port, exclusive: true });
    await once(socket, 'listening');
    return receiver;
  }

  get address(): string {
    const { address, port } = this.#socket.address();
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #take(datagram: Buffer, from: RemoteInfo): void {
    const address = from.address.replace(/^::ffff:/, '');
    const peer = address.includes(':') ? `[${address}]:${from.port}` : `${address}:${from.port}`;
    const form = outerForm(datagram);
    const refuse = (why: Refusal): void => this.#hooks.refused(why, peer, datagram, form);
    if (form === null) return refuse('garbage');
    if (!form.sealed) {
      if (form.version !== 3 || plainPdu(datagram, form)?.tag !== GET) return refuse('unsigned');
      return this.#reports.take('') ? void this.#deliver(datagram, from, null) : refuse('too-many');
    }
    const claims = claimsOf(datagram);
    if (claims === null) return refuse('garbage');
    const ours = claims.engine === this.#receiver.engine.engineID.toString('hex');
    const sender = this.#senderOf(claims, address, ours);
    if (sender === undefined) return refuse(ours ? 'unknown-user' : 'unknown-engine');
    // An inform is acknowledged by net-snmp as it is read, so its time is looked at before: a forged one falls to its digest.
    // Of one that was signed before we began nobody knows any more whether it came already; its sender signs and sends it again.
    if (ours && (claims.boots !== BOOTS || claims.seconds < this.#startedS || Math.abs(claims.seconds - this.#seconds) > WINDOW_SECONDS)) return refuse('old');
    if (!this.#wrong.has(sender.name)) return refuse('too-many');
    const values = this.#deliver(datagram, from, sender.credentials!);
    if (values === null) {
      this.#wrong.take(sender.name);
      return refuse('wrong-digest');
    }
    if (!ours && sender.engineId !== null) this.#windows.learn(sender.engineId, sender.engineBoots, sender.engineSeconds);
    const admitted = this.#windows.admit(claims);
    if (admitted !== 'new') return refuse(admitted);
    this.#hooks.believed({ device: sender.name, peer, claims, isInform: this.#type === snmp.PduType['InformRequest'], values });
  }

  /** A trap is of the device whose engine signed it; an inform is signed for our engine, so its user and address tell. */
  #senderOf({ engine, user }: Claims, address: string, ours: boolean): Sender | undefined {
    return this.#hooks.senders.find((sender) => sender.credentials?.user === user && (ours ? sender.address === address : sender.engineId === engine));
  }

  /** net-snmp prints what cannot be sent; an address that cannot be answered is its sender's choice. */
  readonly #answers = {
    send: (octets: Buffer, from: number, length: number, port: number, address: string): void => this.#socket.send(octets, from, length, port, address, () => undefined),
  };

  get #seconds(): number {
    return this.#startedS + Math.floor((performance.now() - this.#startedAt) / 1000);
  }

  /** What it says, where the digest holds by these credentials; null where not. */
  #deliver(datagram: Buffer, from: RemoteInfo, credentials: Credentials | null): Notice['values'] | null {
    const receiver = this.#receiver;
    receiver.getAuthorizer().users = credentials === null ? [] : [snmpUser(credentials)];
    [receiver.engine.engineBoots, receiver.engine.engineTime] = [BOOTS, this.#seconds];
    this.#heard = null;
    try {
      receiver.onMsg(this.#answers, datagram, from);
    } catch {
      return null;
    }
    return this.#heard;
  }
}

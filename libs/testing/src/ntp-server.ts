// SPDX-License-Identifier: Apache-2.0
// An NTP server (RFC 5905, mode 4) that tells this machine's time, wrong as it is told to: off, drifting away, answering late, or not at all.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

export interface NtpServerOptions {
  readonly address: string;
  readonly port: number;
}

const NTP_TO_UNIX_SECONDS = 2_208_988_800n;
const BILLION = 1_000_000_000n;
const MODE_CLIENT = 3;

export class NtpServer implements AsyncDisposable {
  /** By how much it is off, and by how much more with each second from the first question on. */
  offsetNs = 0n;
  driftPpb = 0n;
  /** By how much more to those who ask by version 3 of the protocol. */
  offsetOfVersion3Ns = 0n;
  /** How long an answer is held back after it was stamped: the way back is so much longer. */
  lateMs = 0;
  isSilent = false;
  answers = 0;
  readonly #socket: Socket;
  #since: bigint | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (packet, { address, port }) => void this.#answer(packet, address, port));
  }

  static async listen({ address, port }: NtpServerOptions): Promise<NtpServer> {
    const socket = createSocket('udp4').bind(port, address);
    await once(socket, 'listening');
    return new NtpServer(socket);
  }

  /** What it tells now. */
  nowNs(): bigint {
    const now = Temporal.Now.instant().epochNanoseconds;
    return now + this.offsetNs + (this.#since === null ? 0n : ((now - this.#since) * this.driftPpb) / BILLION);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  async #answer(packet: Buffer, address: string, port: number): Promise<void> {
    this.#since ??= Temporal.Now.instant().epochNanoseconds;
    if (this.isSilent || packet.length < 48 || (packet[0]! & 7) !== MODE_CLIENT) return;
    const answer = Buffer.alloc(48);
    answer[0] = (4 << 3) | 4;
    [answer[1], answer[2]] = [1, packet[2]!];
    answer.writeInt8(-20, 3);
    answer.write('TEST', 12, 'latin1');
    packet.copy(answer, 24, 40, 48);
    const moreNs = ((packet[0]! >> 3) & 7) === 3 ? this.offsetOfVersion3Ns : 0n;
    const now = this.nowNs() + moreNs;
    for (const at of [16, 32]) stamp(answer, at, now);
    stamp(answer, 40, this.nowNs() + moreNs);
    if (this.lateMs > 0) await delay(this.lateMs, undefined, { ref: false });
    this.answers += 1;
    this.#socket.send(answer, port, address, () => undefined);
  }
}

function stamp(packet: Buffer, at: number, ns: bigint): void {
  packet.writeUInt32BE(Number((ns / BILLION + NTP_TO_UNIX_SECONDS) % 2n ** 32n), at);
  packet.writeUInt32BE(Number(((ns % BILLION) << 32n) / BILLION), at + 4);
}

// SPDX-License-Identifier: Apache-2.0
// Asks one server a few times. Each question has a socket of its own, on a port that the kernel chooses.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed, Refused } from '@strongroom/bytes';
import { nowNs } from '@strongroom/service';
import { decodeAnswer, encodeRequest } from './packet.ts';
import { sampleOf, shortest, type Sample } from './sample.ts';

export interface NtpServer {
  readonly host: string;
  readonly port: number;
}

const NTP_PORT = 123;
const BURST = 4;
const BETWEEN_MS = 250;
const PATIENCE_MS = 2000;
/** Packets that are no answer to what was asked; whoever sends more makes it a server that gives no time. */
const OTHERS_MAX = 16;

/** `HOST`, `HOST:PORT`, `[V6]:PORT`. Throws `Refused('ntp.server')`. */
export function parseServer(text: string): NtpServer {
  const [, v6, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = v6 ?? name ?? (/^[0-9a-fA-F:]+$/.test(text) ? text : undefined);
  const number = port === undefined ? NTP_PORT : Number(port);
  if (host === undefined || number < 1 || number > 65_535) {
    throw new Refused('ntp.server', `"${text.slice(0, 100)}" names no NTP server`, { why: 'it is neither HOST nor HOST:PORT', fix: 'correct clock.checks' });
  }
  return { host, port: number };
}

export interface Asked {
  readonly sample: Sample;
  readonly address: string;
  readonly isV4: boolean;
  /** It asked to be left alone, after all. */
  readonly isUnwelcome: boolean;
}

/**
 * The best of a burst, and the address that was asked. Whoever asks to be left alone is, for this burst. Throws `Failed('ntp.silent')` where
 * no answer came that counts, {@link isKiss} says whether for that.
 */
export async function askServer({ host, port }: NtpServer, signal: AbortSignal): Promise<Asked> {
  const samples: Sample[] = [];
  let last: unknown;
  let asked = { address: host, family: 0 };
  try {
    asked = await lookup(host);
    const { address, family } = asked;
    for (let i = 0; i < BURST && !signal.aborted && !isKiss(last); i += 1) {
      if (i > 0) await delay(BETWEEN_MS, undefined, { signal });
      await exchange(address, family, port, signal).then((sample) => samples.push(sample), (error: unknown) => { last = error; });
    }
  } catch (error) {
    last = error;
  }
  const best = shortest(samples);
  if (best === null) throw new Failed('ntp.silent', `${host} port ${port} gives no time`, { why: last instanceof Error ? last.message : 'no answer came', fix: 'see that UDP reaches it, or name another under clock.checks', cause: last });
  return { sample: best, address: asked.address, isV4: asked.family === 4, isUnwelcome: isKiss(last) };
}

/** RFC 5905, section 7.4: what a server says to those who ask too often, or at all. */
export function isKiss(error: unknown): boolean {
  return error instanceof Refused ? error.code === 'ntp.kiss' : error instanceof Failed && isKiss(error.cause);
}

function exchange(address: string, family: number, port: number, signal: AbortSignal): Promise<Sample> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    const nonce = randomBytes(8);
    let [sentNs, wallNs] = [0n, 0n];
    let isOver = false;
    const end = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      socket.close();
      settle();
    };
    const fail = (error: Error): void => end(() => reject(error));
    const aborted = (): void => fail(new Error('we stop'));
    const timer = setTimeout(() => fail(new Error(`no answer came within ${PATIENCE_MS} ms`)), PATIENCE_MS);
    signal.addEventListener('abort', aborted, { once: true });
    socket.on('error', fail);
    let others = 0;
    socket.on('message', (packet) => {
      const receivedNs = process.hrtime.bigint();
      try {
        const sample = sampleOf({ answer: decodeAnswer(packet, nonce, wallNs), sentNs, receivedNs, wallNs });
        end(() => resolve(sample));
      } catch (error) {
        // Somebody may send in the server's name without having seen what it was asked.
        if (isForeign(error) && (others += 1) <= OTHERS_MAX) return;
        fail(error as Error);
      }
    });
    // A connected socket takes nothing from anybody else.
    socket.connect(port, address, (error?: Error) => {
      if (error) return fail(error);
      wallNs = nowNs();
      sentNs = process.hrtime.bigint();
      socket.send(encodeRequest(nonce));
    });
  });
}

function isForeign(error: unknown): boolean {
  return error instanceof Refused && (error.code === 'ntp.form' || error.code === 'ntp.not-an-answer');
}

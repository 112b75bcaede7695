// SPDX-License-Identifier: Apache-2.0
// An NV counter of a TPM 2.0, through the kernel's device (/dev/tpmrm0) or the socket of an emulator.
import { lstat, open } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed, Refused } from '@strongroom/bytes';
import { AGAIN, ANSWER_OCTETS_MAX, defineCommand, incrementCommand, readAnswer, readCommand, readPublicAnswer, readPublicCommand, requireGood, responseCode, undefineCommand } from './tpm-commands.ts';

const TRIES = 5;
const PAUSE_MS = 200;
const ANSWER_MS_MAX = 30_000;
/** Indices after ours, of which the first free one serves to look ahead. */
const PROBES_MAX = 8;

/** A number outside the disk that only rises. Each throws `Failed('keys.counter-away')`, `Refused('keys.counter-index')`. */
export interface HardwareCounter {
  /** As people call it. */
  readonly name: string;
  /** Null before the first {@link increment}. */
  read(): Promise<number | null>;
  /** Resolves with the new value; makes the counter where there is none. */
  increment(): Promise<number>;
  /** What the first {@link increment} of all will give; null where that cannot be known. Never rejects. */
  firstValue(): Promise<number | null>;
}

export class TpmCounter implements HardwareCounter {
  readonly name: string;
  readonly #path: string;
  readonly #index: number;

  constructor(path: string, index: string) {
    [this.#path, this.#index] = [path, Number(index)];
    this.name = `the NV counter ${index} of the TPM at ${path}`;
  }

  async read(): Promise<number | null> {
    const facts = readPublicAnswer(await this.#ask(readPublicCommand(this.#index)));
    if (facts.kind === 'other') throw new Refused('keys.counter-index', `${this.name} is no counter`, { why: 'something else is defined at that index', fix: 'set keys.counter.index to a free index' });
    if (facts.kind === 'undefined' || !facts.written) return null;
    return readAnswer(await this.#ask(readCommand(this.#index)));
  }

  async increment(): Promise<number> {
    const facts = readPublicAnswer(await this.#ask(readPublicCommand(this.#index)));
    if (facts.kind === 'undefined') requireGood(await this.#ask(defineCommand(this.#index)));
    requireGood(await this.#ask(incrementCommand(this.#index)));
    return readAnswer(await this.#ask(readCommand(this.#index)));
  }

  /**
   * A new counter begins one above the most that any counter of this TPM ever had (TPM 2.0 Library, part 1, "NV Counters").
   * So one that is made for this and deleted again tells where ours will begin, unless somebody else makes one in between.
   */
  async firstValue(): Promise<number | null> {
    try {
      for (let index = this.#index + 1; index <= this.#index + PROBES_MAX; index += 1) {
        if (readPublicAnswer(await this.#ask(readPublicCommand(index))).kind === 'undefined') return (await this.#probe(index)) + 1;
      }
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
    return null;
  }

  async #probe(index: number): Promise<number> {
    requireGood(await this.#ask(defineCommand(index)));
    try {
      requireGood(await this.#ask(incrementCommand(index)));
      return readAnswer(await this.#ask(readCommand(index)));
    } finally {
      await this.#ask(undefineCommand(index));
    }
  }

  /** A TPM that is busy says so and is asked again, a bounded number of times. */
  async #ask(command: Buffer): Promise<Buffer> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await exchange(this.#path, command);
      if (attempt === TRIES || !AGAIN.has(responseCode(answer))) return answer;
      await delay(PAUSE_MS * attempt);
    }
  }
}

async function exchange(path: string, command: Buffer): Promise<Buffer> {
  try {
    return (await lstat(path)).isSocket() ? await overSocket(path, command) : await overDevice(path, command);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failed('keys.counter-away', 'the TPM cannot be reached', { why, fix: 'see that keys.counter.tpm names it, and that the key service may use it; it is tried again by itself', cause });
  }
}

/** The device takes one command in one write, and gives its answer in one read. */
async function overDevice(path: string, command: Buffer): Promise<Buffer> {
  const device = await open(path, 'r+');
  try {
    await device.write(command, 0, command.length, null);
    const { buffer, bytesRead } = await device.read(Buffer.alloc(ANSWER_OCTETS_MAX), 0, ANSWER_OCTETS_MAX, null);
    return buffer.subarray(0, bytesRead);
  } finally {
    await device.close();
  }
}

function overSocket(path: string, command: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect(path, () => void socket.write(command));
  let answer = Buffer.alloc(0);
  socket.setTimeout(ANSWER_MS_MAX, () => reject(new Error(`no answer within ${ANSWER_MS_MAX} ms`)));
  socket.on('data', (part: Buffer) => {
    answer = Buffer.concat([answer, part]);
    const wanted = answer.length < 6 ? Infinity : answer.readUInt32BE(2);
    if (answer.length > ANSWER_OCTETS_MAX) reject(new Error('the answer is too long'));
    else if (answer.length >= wanted) resolve(answer);
  });
  socket.once('error', reject);
  socket.once('close', () => reject(new Error('it closed the connection before it answered')));
  return promise.finally(() => socket.destroy());
}

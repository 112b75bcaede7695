// SPDX-License-Identifier: Apache-2.0
// RELP frames, as a server reads them. In our words, after the protocol's specification:
//
//   FRAME   = TXNR SP COMMAND SP DATALEN [SP DATA] LF
//   TXNR    = 1 to 9 digits; 1 more than the one before, after 999999999 comes 1; 0 marks a hint that nobody answers
//   COMMAND = 1 to 32 letters
//   DATALEN = 1 to 9 digits: octets of DATA, the space before it not counted; when it is 0 there is neither
//
// A client sends `open` with its offers, `syslog` with one message as DATA (any octets, line feeds and NULs too), `close`.
// The LF shows that both sides agree where a frame ends; when it is missing nothing after it can be trusted.
// Consecutive numbers are demanded: so a run of messages needs no list of numbers, and a frame lost or invented shows.
import { Refused } from '@strongroom/bytes';
import { RECORD_BYTES_DEFAULT, type RecordSink, type StreamEnd } from './framer.ts';
import { RecordBlock } from './record-block.ts';

const NUMBER_DIGITS_MAX = 9;
const COMMAND_LETTERS_MAX = 32;
const HEADER_BYTES_MAX = NUMBER_DIGITS_MAX + 1 + COMMAND_LETTERS_MAX + 1 + NUMBER_DIGITS_MAX + 1;
/** Data of commands other than syslog: offers, of which real clients send about 120 octets. */
const COMMAND_DATA_BYTES_MAX = 4096;
const TRANSACTION_MAX = 999_999_999;
const LF = 0x0a;
const SP = 0x20;
const EMPTY: Buffer = Buffer.alloc(0);

/** Takes what the framer finds. `records` and `cut` are the messages of `syslog` frames, one transaction each. */
export interface RelpSink extends RecordSink {
  /** Any other frame; transaction 0 is a hint. */
  command(name: string, transaction: number, data: Buffer): void;
}

/** The transaction number after this one. */
export function nextTransaction(transaction: number): number {
  return transaction === TRANSACTION_MAX ? 1 : transaction + 1;
}

export class RelpFramer {
  readonly #block: RecordBlock;
  readonly #commandBytesMax: number;
  #state: 'header' | 'data' = 'header';
  #header = EMPTY; // the beginning of a header that a chunk cut
  #expected = 0; // the next transaction, 0 before the first
  // of the frame at hand
  #transaction = 0;
  #command = '';
  #length = 0;
  #value = 0;

  /** A message longer than `recordBytesMax` octets comes out cut. */
  constructor(recordBytesMax = RECORD_BYTES_DEFAULT) {
    this.#block = new RecordBlock(recordBytesMax);
    this.#commandBytesMax = Math.min(recordBytesMax, COMMAND_DATA_BYTES_MAX);
  }

  /** Whether a frame has begun and not ended. */
  get unfinished(): boolean {
    return this.#state === 'data' || this.#header.length > 0;
  }

  /** Octets of memory held for it. */
  get memoryBytes(): number {
    return this.#block.unfinished.memoryBytes;
  }

  /**
   * Takes the stream's next octets; the chunk becomes the framer's and is overwritten. However a stream is divided into
   * chunks, its records and commands are the same. Throws `Refused` after it has handed over everything before; the
   * stream cannot go on then: `wire.relp.number`, `wire.relp.command`, `wire.relp.separator`, `wire.relp.trailer`,
   * `wire.relp.order`, `wire.relp.command-too-long`, and what the sink's `command` throws.
   */
  push(chunk: Buffer, sink: RelpSink): void {
    this.#block.begin(chunk);
    try {
      let at = this.#resume(chunk, sink);
      while (at < chunk.length) at = this.#frame(chunk, at, sink);
    } catch (error) {
      this.#block.unfinished.take();
      throw error;
    } finally {
      this.#block.flush(sink);
    }
  }

  /** The stream has ended. A frame that is not whole becomes a cut record, which nobody is owed an answer for. */
  end(sink: RelpSink): StreamEnd {
    if (!this.unfinished) return 'complete';
    const announced = this.#state === 'data' ? this.#length : undefined;
    this.#block.unfinished.append(this.#header, 0, this.#header.length);
    this.#header = EMPTY;
    this.#state = 'header';
    this.#block.cut('unfinished', announced, sink);
    return 'unfinished';
  }

  #resume(chunk: Buffer, sink: RelpSink): number {
    if (this.#state === 'data') return this.#resumeData(chunk, sink);
    const before = this.#header;
    if (before.length === 0) return 0;
    const joined = Buffer.concat([before, chunk.subarray(0, HEADER_BYTES_MAX - before.length)]);
    const end = this.#readHeader(joined, 0);
    this.#header = end === -1 ? joined : EMPTY;
    return end === -1 ? chunk.length : this.#data(chunk, end - before.length, sink);
  }

  #frame(chunk: Buffer, start: number, sink: RelpSink): number {
    const end = this.#readHeader(chunk, start);
    if (end !== -1) return this.#data(chunk, end, sink);
    this.#header = Buffer.from(chunk.subarray(start));
    return chunk.length;
  }

  /** Where the data begins, or the LF where there is none; -1 when the header is not whole. */
  #readHeader(bytes: Buffer, start: number): number {
    const transactionEnd = this.#readNumber(bytes, start, 'transaction number');
    if (transactionEnd === -1) return -1;
    this.#transaction = this.#value;
    const commandStart = afterSpace(bytes, transactionEnd);
    const commandEnd = readCommand(bytes, commandStart);
    if (commandEnd === -1) return -1;
    this.#command = isSyslog(bytes, commandStart, commandEnd) ? 'syslog' : bytes.toString('latin1', commandStart, commandEnd);
    const lengthEnd = this.#readNumber(bytes, afterSpace(bytes, commandEnd), 'data length');
    if (lengthEnd === -1) return -1;
    this.#length = this.#value;
    this.#checkHeader();
    return this.#length === 0 ? lengthEnd : afterSpace(bytes, lengthEnd);
  }

  /** The end of a number whose value is then in `#value`, -1 when it may go on after `bytes`. */
  #readNumber(bytes: Buffer, start: number, what: string): number {
    let at = start;
    let value = 0;
    while (at < bytes.length && bytes[at]! >= 0x30 && bytes[at]! <= 0x39 && at - start <= NUMBER_DIGITS_MAX) {
      value = value * 10 + bytes[at]! - 0x30;
      at += 1;
    }
    const digits = at - start;
    if (digits > NUMBER_DIGITS_MAX || (digits === 0 && at < bytes.length)) throw malformedNumber(what, bytes, start);
    this.#value = value;
    return at === bytes.length ? -1 : at;
  }

  #checkHeader(): void {
    if (this.#command !== 'syslog' && this.#length > this.#commandBytesMax) {
      throw new Refused('wire.relp.command-too-long', 'the data of a RELP command is too long', {
        why: `"${this.#command}" announces ${this.#length} octets, the limit is ${this.#commandBytesMax}`,
      });
    }
    if (this.#transaction === 0 && this.#command !== 'syslog') return;
    if (this.#transaction === 0 || (this.#expected !== 0 && this.#transaction !== this.#expected)) {
      throw new Refused('wire.relp.order', 'a RELP transaction is out of order', {
        why: `its number is ${this.#transaction}, ${this.#expected === 0 ? 'the first is at least 1' : `${this.#expected} was due`}`,
      });
    }
    this.#expected = nextTransaction(this.#transaction);
  }

  #data(chunk: Buffer, start: number, sink: RelpSink): number {
    const end = start + this.#length;
    if (end >= chunk.length) {
      this.#state = 'data';
      this.#block.hold(start, chunk.length);
      return chunk.length;
    }
    if (chunk[end] !== LF) throw noTrailer(chunk[end]!);
    if (this.#command === 'syslog') this.#block.whole(start, end, sink);
    else this.#hand(Buffer.from(chunk.subarray(start, end)), sink);
    return end + 1;
  }

  #resumeData(chunk: Buffer, sink: RelpSink): number {
    const end = this.#length - this.#block.unfinished.received;
    if (end >= chunk.length) {
      this.#block.hold(0, chunk.length);
      return chunk.length;
    }
    if (chunk[end] !== LF) throw noTrailer(chunk[end]!);
    this.#state = 'header';
    if (this.#command === 'syslog') {
      this.#block.finish(end, sink);
      return end + 1;
    }
    this.#block.hold(0, end);
    this.#hand(this.#block.unfinished.take(), sink);
    return end + 1;
  }

  #hand(data: Buffer, sink: RelpSink): void {
    this.#block.flush(sink); // commands keep their place among the messages
    sink.command(this.#command, this.#transaction, data);
  }
}

/** The end of a command, -1 when it may go on after `bytes`. */
function readCommand(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && isLetter(bytes[at]!) && at - start <= COMMAND_LETTERS_MAX) at += 1;
  const letters = at - start;
  if (letters > COMMAND_LETTERS_MAX || (letters === 0 && at < bytes.length)) {
    throw new Refused('wire.relp.command', 'a RELP frame has no valid command', {
      why: `a command is 1 to ${COMMAND_LETTERS_MAX} letters, here stands ${excerpt(bytes, start)}`,
    });
  }
  return at === bytes.length ? -1 : at;
}

function isLetter(octet: number): boolean {
  const lower = octet | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

// Spelled out, because it is asked for each message.
function isSyslog(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 6 && bytes[start] === 0x73 && bytes[start + 1] === 0x79 && bytes[start + 2] === 0x73
    && bytes[start + 3] === 0x6c && bytes[start + 4] === 0x6f && bytes[start + 5] === 0x67;
}

function afterSpace(bytes: Buffer, at: number): number {
  if (bytes[at] === SP) return at + 1;
  throw new Refused('wire.relp.separator', 'the fields of a RELP frame are not separated by spaces', {
    why: `a space was due, here stands ${excerpt(bytes, at)}`,
  });
}

function malformedNumber(what: string, bytes: Buffer, start: number): Refused {
  return new Refused('wire.relp.number', `a RELP frame has no valid ${what}`, {
    why: `it is 1 to ${NUMBER_DIGITS_MAX} digits, here stands ${excerpt(bytes, start)}`,
    fix: 'check that the sender speaks RELP, over TLS, to this port',
  });
}

function noTrailer(octet: number): Refused {
  return new Refused('wire.relp.trailer', 'a RELP frame does not end where it said', {
    why: `a line feed was due after its data, octet 0x${octet.toString(16).padStart(2, '0')} came`,
  });
}

function excerpt(bytes: Buffer, start: number): string {
  return JSON.stringify(bytes.toString('latin1', start, start + 16));
}

// SPDX-License-Identifier: Apache-2.0
// Syslog over a byte stream: RFC 5425 section 4.3 and RFC 6587 section 3.4, decided anew for each frame, because real
// senders mix them and the first octet tells them apart:
//
//   STREAM  = *( *STRAY FRAME )
//   FRAME   = COUNTED / LINE
//   COUNTED = MSG-LEN SP MSG      MSG-LEN is 1 to 9 digits, the first not 0; MSG is exactly so many octets
//   LINE    = 1*OCTET ( LF / NUL )
//   STRAY   = LF / NUL            and one SP before "<", 1-9 or the end (some firewalls send it after each LF)
//
// A frame that begins with 1-9 is COUNTED if its digits end in SP, else a LINE: a line may begin with a date. MSG-LEN is
// authoritative: nothing inside MSG is looked at, so an LF, NUL, "<134>" or "9 <" in there begins no frame. A tenth digit
// is refused: nobody means a gigabyte, and after it no frame boundary can be trusted.
// A record is MSG or LINE without its delimiter, otherwise untouched; an LF that the count includes stays.
import { Refused } from '@strongroom/bytes';
import { RECORD_BYTES_DEFAULT, type Framer, type RecordSink, type StreamClose, type StreamEnd } from './framer.ts';
import { RecordBlock } from './record-block.ts';

const LENGTH_DIGITS_MAX = 9;
const LF = 0x0a;
const NUL = 0;
const SP = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const LESS_THAN = 0x3c;

/** Where in a frame a chunk ended. */
type State = 'between' | 'space' | 'length' | 'message' | 'line';

const EMPTY: Buffer = Buffer.alloc(0);

export class SyslogFramer implements Framer {
  readonly #block: RecordBlock;
  #state: State = 'between';
  #announced = 0; // MSG-LEN of the message at hand
  #nextLf = -1; // next LF and NUL in the chunk at hand; its length if there is none
  #nextNul = -1;

  /** A record longer than `recordBytesMax` octets comes out cut. */
  constructor(recordBytesMax = RECORD_BYTES_DEFAULT) {
    this.#block = new RecordBlock(recordBytesMax);
  }

  get unfinished(): boolean {
    return this.#state !== 'between' && this.#state !== 'space';
  }

  get memoryBytes(): number {
    return this.#block.unfinished.memoryBytes;
  }

  /** Throws `Refused('wire.syslog.length-too-long')`. */
  push(chunk: Buffer, sink: RecordSink): void {
    this.#block.begin(chunk);
    this.#nextLf = -1;
    this.#nextNul = -1;
    try {
      let at = this.#state === 'between' ? 0 : this.#resume(chunk, sink);
      while (at < chunk.length) at = this.#frame(chunk, at, sink);
    } finally {
      this.#block.flush(sink);
    }
  }

  end(how: StreamClose, sink: RecordSink): StreamEnd {
    const state = this.#state;
    this.#state = 'between';
    if (state === 'between') return 'complete';
    if (state === 'space') {
      this.#block.unfinished.take();
      return 'complete';
    }
    if (state === 'message' || how === 'given-up') {
      this.#block.cut('unfinished', state === 'message' ? this.#announced : undefined, sink);
      return 'unfinished';
    }
    this.#block.begin(EMPTY);
    this.#block.finish(0, sink);
    this.#block.flush(sink);
    return 'unterminated';
  }

  // Each of these takes what stands at `at` and returns where the stream goes on: at the chunk's end or between frames.

  #frame(chunk: Buffer, at: number, sink: RecordSink): number {
    const first = chunk[at]!;
    if (isDigit(first) && first !== DIGIT_0) return this.#counted(chunk, at, sink);
    if (first === LF || first === NUL) return at + 1;
    if (first === SP) return this.#space(chunk, at, sink);
    return this.#line(chunk, at, sink);
  }

  #counted(chunk: Buffer, start: number, sink: RecordSink): number {
    let at = start;
    let length = 0;
    while (at < chunk.length && isDigit(chunk[at]!)) {
      length = length * 10 + chunk[at]! - DIGIT_0;
      at += 1;
    }
    if (at - start > LENGTH_DIGITS_MAX) throw this.#tooLong(chunk.toString('latin1', start, at));
    if (at === chunk.length) return this.#pause('length', chunk, start);
    return chunk[at] === SP ? this.#message(chunk, at + 1, length, sink) : this.#line(chunk, start, sink);
  }

  #message(chunk: Buffer, start: number, length: number, sink: RecordSink): number {
    const end = start + length;
    if (end > chunk.length) {
      this.#announced = length;
      return this.#pause('message', chunk, start);
    }
    this.#block.whole(start, end, sink);
    return end;
  }

  #line(chunk: Buffer, start: number, sink: RecordSink): number {
    const end = this.#delimiter(chunk, start);
    if (end === chunk.length) return this.#pause('line', chunk, start);
    this.#block.whole(start, end, sink);
    return end + 1;
  }

  #space(chunk: Buffer, at: number, sink: RecordSink): number {
    if (at + 1 === chunk.length) return this.#pause('space', chunk, at);
    return beginsFrame(chunk[at + 1]!) ? at + 1 : this.#line(chunk, at, sink);
  }

  #pause(state: State, chunk: Buffer, start: number): number {
    this.#state = state;
    this.#block.hold(start, chunk.length);
    return chunk.length;
  }

  #resume(chunk: Buffer, sink: RecordSink): number {
    if (chunk.length === 0) return 0;
    switch (this.#state) {
      case 'space': return this.#resumeSpace(chunk, sink);
      case 'length': return this.#resumeLength(chunk, sink);
      case 'message': return this.#resumeMessage(chunk, sink);
      default: return this.#resumeLine(chunk, sink);
    }
  }

  #resumeSpace(chunk: Buffer, sink: RecordSink): number {
    if (!beginsFrame(chunk[0]!)) return this.#resumeLine(chunk, sink);
    this.#block.unfinished.take();
    this.#state = 'between';
    return 0;
  }

  #resumeLength(chunk: Buffer, sink: RecordSink): number {
    let at = 0;
    while (at < chunk.length && isDigit(chunk[at]!)) at += 1;
    const digitCount = this.#block.unfinished.received + at;
    if (digitCount > LENGTH_DIGITS_MAX) throw this.#tooLong(this.#block.unfinished.take().toString('latin1') + chunk.toString('latin1', 0, at));
    if (at === chunk.length) return this.#pause('length', chunk, 0);
    if (chunk[at] !== SP) return this.#resumeLine(chunk, sink);
    const digits = this.#block.unfinished.take().toString('latin1') + chunk.toString('latin1', 0, at);
    this.#state = 'between';
    return this.#message(chunk, at + 1, Number(digits), sink);
  }

  #resumeMessage(chunk: Buffer, sink: RecordSink): number {
    const end = this.#announced - this.#block.unfinished.received;
    if (end > chunk.length) return this.#pause('message', chunk, 0);
    this.#state = 'between';
    this.#block.finish(end, sink);
    return end;
  }

  #resumeLine(chunk: Buffer, sink: RecordSink): number {
    const end = this.#delimiter(chunk, 0);
    if (end === chunk.length) return this.#pause('line', chunk, 0);
    this.#state = 'between';
    this.#block.finish(end, sink);
    return end + 1;
  }

  // Remembers both, so that a chunk is searched once however many of the one and few of the other it holds.
  #delimiter(chunk: Buffer, from: number): number {
    if (this.#nextLf < from) this.#nextLf = find(chunk, LF, from);
    if (this.#nextNul < from) this.#nextNul = find(chunk, NUL, from);
    return Math.min(this.#nextLf, this.#nextNul);
  }

  #tooLong(digits: string): Refused {
    this.#state = 'between';
    return new Refused('wire.syslog.length-too-long', 'a syslog frame announces a length that cannot be meant', {
      why: `its length has more than ${LENGTH_DIGITS_MAX} digits: ${digits.slice(0, LENGTH_DIGITS_MAX + 1)}…`,
      fix: 'check that the sender frames by RFC 5425 (length, space, message) or ends each message with a line feed',
    });
  }
}

function find(chunk: Buffer, octet: number, from: number): number {
  const at = chunk.indexOf(octet, from);
  return at === -1 ? chunk.length : at;
}

function isDigit(octet: number): boolean {
  return octet >= DIGIT_0 && octet <= DIGIT_9;
}

function beginsFrame(octet: number): boolean {
  return octet === LESS_THAN || (isDigit(octet) && octet !== DIGIT_0);
}

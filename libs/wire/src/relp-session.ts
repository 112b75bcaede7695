// SPDX-License-Identifier: Apache-2.0
// A RELP connection, as a server keeps it: opened by offers, then messages, each answered once it is sealed, then closed.
//
//   open    DATA is offers, one a line: NAME ["=" VALUE *("," VALUE)]; `relp_version` must be there, and `syslog` must be
//           among the `commands`. Answered by "200 OK" LF and our own offers, or by "500" and a reason.
//   syslog  answered "200 OK" when the message is sealed, never before: this is the promise that other servers don't make.
//           A client that offered `strongroom_receipts=1`, and was answered the same, gets a second line in this answer:
//           "strongroom" SP origin SP entry "-" record SP size, where the message lies in a log of that size; one that
//           offered `strongroom_receipts=2` gets behind it, after a LF, the signed checkpoint of its commit
//   close   answered by an empty response; nothing follows
//   rsp     our answers: TXNR SP "rsp" SP DATALEN [SP DATA] LF, in the order of the commands
//   serverclose  our hint, number 0, that we are about to close
//
// Because transactions are numbered consecutively and answered in order, what is owed is a count of messages, not a list.
import { invariant, Refused } from '@strongroom/bytes';
import { RECORD_BYTES_DEFAULT, type Framer, type RecordSink, type StreamClose, type StreamEnd } from './framer.ts';
import { nextTransaction, RelpFramer } from './relp.ts';
import { answerOffers, readOffers, wantedReceipts, type ReceiptKind } from './relp-offers.ts';

/** Commands other than syslog that may wait for messages before them. Only `close` has a reason to wait. */
const ANSWERS_WAITING_MAX = 8;
const OK = '200 OK';

/** Where the first of some consecutive messages lies: `<entry>-<record>` of a log of `size` entries. */
export interface FirstPlace {
  readonly entry: number;
  readonly record: number;
  readonly size: number;
  /** The signed note of a checkpoint that covers them. */
  readonly checkpoint: string;
}

export class RelpSession implements Framer {
  readonly #framer: RelpFramer;
  #stage: 'new' | 'open' | 'closing' = 'new';
  #next = 0; // transaction of the next answer
  #due: (number | string)[] = []; // in order: messages not sealed yet, or an answer that waits for those before it
  #answers = 0; // strings among them
  #output = '';
  readonly #origin: string | null;
  #receipts: ReceiptKind | null = null;

  /** `origin`: of the log that receipts name; null when there are none to give. */
  constructor(recordBytesMax = RECORD_BYTES_DEFAULT, origin: string | null = null) {
    this.#origin = origin;
    this.#framer = new RelpFramer(recordBytesMax);
  }

  get unfinished(): boolean {
    return this.#framer.unfinished;
  }

  get memoryBytes(): number {
    return this.#framer.memoryBytes;
  }

  /** Whether messages or commands wait for their answers. */
  get owes(): boolean {
    return this.#due.length > 0;
  }

  /** Whether the client wants to hear where its messages lie. */
  get wantsReceipts(): boolean {
    return this.#receipts !== null;
  }

  /** Whether both sides are done: the connection ends after the last answer. */
  get done(): boolean {
    return this.#stage === 'closing' && this.#due.length === 0;
  }

  /**
   * Takes the stream's next octets; see `RelpFramer.push`. Each record and each cut record that the sink gets is owed an
   * answer. Throws `Refused` as the framer does, and `wire.relp.not-open`, `wire.relp.after-close`,
   * `wire.relp.opened-twice`, `wire.relp.offers`, `wire.relp.too-many-commands`.
   */
  push(chunk: Buffer, sink: RecordSink): void {
    this.#framer.push(chunk, {
      records: (parts, lengths) => {
        this.#message(lengths.length);
        sink.records(parts, lengths);
      },
      cut: (record) => {
        this.#message(1);
        sink.cut(record);
      },
      command: (name, transaction, data) => this.#command(name, transaction, data),
    });
  }

  /** The stream has ended. A frame that is not whole becomes a cut record and is owed no answer. */
  end(_how: StreamClose, sink: RecordSink): StreamEnd {
    return this.#framer.end({ records: (parts, lengths) => sink.records(parts, lengths), cut: (record) => sink.cut(record), command: ignore });
  }

  /** The oldest `count` messages that are owed an answer are sealed; `place` is where the first of them lies, if that is known. */
  sealed(count: number, place?: FirstPlace): void {
    const receipt = place === undefined || this.#receipts === null ? null : this.#receiptOf(place, this.#receipts);
    let left = count;
    while (left > 0) {
      const waiting = this.#due[0];
      invariant(typeof waiting === 'number', 'wire.relp.not-owed', 'more messages are sealed than were taken');
      const answered = Math.min(left, waiting);
      for (let i = 0; i < answered; i += 1) this.#respond(receipt === null ? OK : receipt(count - left + i));
      left -= answered;
      if (answered === waiting) this.#due.shift();
      else this.#due[0] = waiting - answered;
      this.#settle();
    }
  }

  /** What shall be sent now; empty when there is nothing. */
  takeOutput(): Buffer {
    const output = this.#output;
    this.#output = '';
    return Buffer.from(output, 'latin1');
  }

  /** The answer to the message that is so many after the first; output is octets, of which a note may have any. */
  #receiptOf({ entry, record, size, checkpoint }: FirstPlace, kind: ReceiptKind): (after: number) => string {
    const note = kind === '1' ? '' : `\n${Buffer.from(checkpoint).toString('latin1')}`;
    return (after) => `${OK}\nstrongroom ${this.#origin} ${entry}-${record + after} ${size}${note}`;
  }

  #message(count: number): void {
    this.#mustBeOpen();
    const last = this.#due.length - 1;
    const waiting = this.#due[last];
    if (typeof waiting === 'number') this.#due[last] = waiting + count;
    else this.#due.push(count);
  }

  #command(name: string, transaction: number, data: Buffer): void {
    if (transaction === 0) return;
    if (name === 'open') return this.#open(transaction, data);
    this.#mustBeOpen();
    if (name === 'close') {
      this.#answer('');
      this.#stage = 'closing';
    } else {
      this.#answer(`500 this server knows no command "${name}"`);
    }
  }

  #open(transaction: number, data: Buffer): void {
    if (this.#stage !== 'new') {
      throw new Refused('wire.relp.opened-twice', 'a RELP client opened its session a second time');
    }
    this.#next = transaction;
    this.#stage = 'open';
    try {
      const offers = readOffers(data);
      this.#receipts = this.#origin === null ? null : wantedReceipts(offers);
      this.#answer(answerOffers(offers, this.#receipts));
    } catch (error) {
      if (error instanceof Refused) this.#respond(`500 ${error.message}: ${error.why}`);
      throw error;
    }
  }

  #mustBeOpen(): void {
    if (this.#stage === 'open') return;
    if (this.#stage === 'new') throw new Refused('wire.relp.not-open', 'a RELP client sent a command before it opened its session');
    throw new Refused('wire.relp.after-close', 'a RELP client sent a command after it closed its session');
  }

  #answer(data: string): void {
    if (this.#answers === ANSWERS_WAITING_MAX) {
      throw new Refused('wire.relp.too-many-commands', 'too many RELP commands wait for an answer', {
        why: `${ANSWERS_WAITING_MAX} commands beside messages may wait`,
      });
    }
    this.#due.push(data);
    this.#answers += 1;
    this.#settle();
  }

  #settle(): void {
    while (typeof this.#due[0] === 'string') {
      this.#respond(this.#due.shift() as string);
      this.#answers -= 1;
    }
  }

  #respond(data: string): void {
    this.#output += data === OK ? `${this.#next} rsp 6 200 OK\n` : data === '' ? `${this.#next} rsp 0\n` : `${this.#next} rsp ${data.length} ${data}\n`;
    this.#next = nextTransaction(this.#next);
  }
}

/** The hint that the server is about to close. */
export function relpServerClose(): Buffer {
  return Buffer.from('0 serverclose 0\n', 'latin1');
}

function ignore(): void {
  // a frame that is not whole is no command
}

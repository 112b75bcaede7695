// SPDX-License-Identifier: Apache-2.0
// A C2SP tlog-witness without its HTTP: judges, signs, keeps, answers, one request of a log at a time.
//   judged → signed → kept durably → answered. A crash before the third leaves no cosignature outside; one after it, a log
//   that asks again and is told the size that it has already.
import { cosignatureLine, cosignedText, judgeAddCheckpoint, originOf, parseAddCheckpoint, type SignedHead } from '@strongroom/evidence';
import type { CosignerKey } from './cosigner-key.ts';
import type { LogStates } from './witnessed-logs.ts';

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Requests for one log that wait for the one before. */
const WAITING_MAX = 16;
const TEXT = 'text/plain; charset=utf-8';

export interface WitnessFacts {
  readonly states: LogStates;
  readonly key: CosignerKey;
  readonly nowSeconds: () => number;
  /** A log has shown two histories of one length. */
  readonly forkShown: (origin: string, size: number) => void;
}

export class Witness {
  readonly #facts: WitnessFacts;
  readonly #busy = new Map<string, { last: Promise<unknown>; waiting: number }>();
  readonly counts = { cosigned: 0, refused: 0, conflicts: 0 };

  constructor(facts: WitnessFacts) {
    this.#facts = facts;
  }

  /** The answer to an add-checkpoint body. Rejects when the key or the disk fails; nothing was promised then. */
  async addCheckpoint(body: Buffer): Promise<Reply> {
    const origin = originIn(body);
    if (origin === null || this.#facts.states.keys(origin) === undefined) return this.#answer(body);
    const queue = this.#busy.get(origin) ?? { last: Promise.resolve(), waiting: 0 };
    this.#busy.set(origin, queue);
    if (queue.waiting >= WAITING_MAX) return { status: 503, type: TEXT, body: 'too many requests for this log at once\n' };
    queue.waiting += 1;
    const mine = queue.last.then(() => this.#answer(body)).finally(() => { queue.waiting -= 1; });
    queue.last = mine.catch(() => undefined);
    return mine;
  }

  /** The last cosigned checkpoint of the log with this origin hash, for monitors. */
  checkpoint(hash: string): string | null {
    return this.#facts.states.noteByHash(hash);
  }

  async #answer(body: Buffer): Promise<Reply> {
    const judged = judgeAddCheckpoint(body, this.#facts.states);
    if (judged.status === 200) return this.#cosign(judged.head);
    if (judged.status === 409) {
      this.counts.conflicts += 1;
      return { status: 409, type: 'text/x.tlog.size', body: `${judged.size}\n` };
    }
    this.counts.refused += 1;
    if (judged.isFork === true) {
      await this.#facts.states.keepContradiction(judged.origin!, body);
      this.#facts.forkShown(judged.origin!, this.#facts.states.last(judged.origin!)?.size ?? 0);
    }
    return { status: judged.status, type: TEXT, body: `${judged.why}\n` };
  }

  async #cosign(head: SignedHead): Promise<Reply> {
    const { states, key, nowSeconds } = this.#facts;
    const seconds = nowSeconds();
    const signature = await key.sign(Buffer.from(cosignedText(head.text, seconds)));
    const line = cosignatureLine(key.key, seconds, signature);
    await states.put(head.origin, head, head.note + line);
    this.counts.cosigned += 1;
    return { status: 200, type: TEXT, body: line };
  }
}

function originIn(body: Buffer): string | null {
  try {
    return originOf(parseAddCheckpoint(body).note);
  } catch {
    return null;
  }
}

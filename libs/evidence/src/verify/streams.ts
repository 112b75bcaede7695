// SPDX-License-Identifier: Apache-2.0
// Whether the records of each stream follow one another. What is missing is a fact about the evidence, not a fault of
// the store: producers lose connections, and the vault says so itself in gap records.
import { KIND, type Context } from '../receipt.ts';
import type { Findings } from './verdict.ts';

/** Streams that are followed at once. Beyond, the one that began longest ago is given up, and that is a fact too. */
const STREAMS_MAX = 65_536;
const QUOTED_CHARACTERS = 300;

export class Streams {
  readonly #findings: Findings;
  readonly #next = new Map<string, number>();
  #givenUp = 0;
  /** Whether streams may be met that began where nobody can look any more. */
  #anew = false;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  run(context: Context, first: number, count: number, data: Buffer, where: string): void {
    const stream = context.stream.toString('hex');
    this.#follow(stream, first, where, context.source);
    if (context.kind === KIND.gap) this.#gap(data.toString('utf8'), where);
    if (context.kind === KIND.end) this.#next.delete(stream);
    else this.#remember(stream, first + count);
  }

  /** Records of any stream may be missing here. */
  beginAnew(): void {
    this.#anew = true;
    this.#next.clear();
  }

  #follow(stream: string, first: number, where: string, source: string): void {
    const next = this.#next.get(stream) ?? (this.#givenUp > 0 || this.#anew ? first : 0);
    const said = `stream ${stream} of ${source} goes on at ${first} where ${next} is next`;
    if (first > next) this.#findings.note('stream.jump', where, said);
    if (first < next) this.#findings.note('stream.repeat', where, said);
  }

  /** The vault's own word for what is missing; one without a record found says that its stream is over. */
  #gap(text: string, where: string): void {
    this.#findings.note('stream.gap', where, text.slice(0, QUOTED_CHARACTERS));
    const { stream, found } = parseObject(text);
    if (found === null && typeof stream === 'string') this.#next.delete(stream);
  }

  #remember(stream: string, next: number): void {
    if (!this.#next.has(stream) && this.#next.size >= STREAMS_MAX) {
      this.#next.delete(this.#next.keys().next().value!);
      this.#givenUp += 1;
    }
    this.#next.set(stream, next);
  }

  end(): void {
    if (this.#givenUp > 0) this.#findings.note('stream.untracked', 'segments', `${this.#givenUp} streams were not followed to their end: more than ${STREAMS_MAX} were open at once`);
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as object) } as Record<string, unknown>;
  } catch {
    return {};
  }
}

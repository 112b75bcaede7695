// SPDX-License-Identifier: Apache-2.0
// Holds the vault to its word: what was acknowledged is sealed, once, in order and byte for byte; what was denied is not;
// what was published is never unsaid.
import { KIND, LogTree, decodeMessage, readCheckpoint } from '@strongroom/evidence';
import type { Sent, SentRun, ServiceTold } from '@strongroom/testing';
import { CustodyOracle } from './custody-oracle.ts';
import type { SealedRun, SealedStore } from './sealed-store.ts';
import { Violation } from './violation.ts';

const TOO_MANY = 'stream.too-many';

interface KnownRun extends SentRun {
  readonly service: string;
  /** Why the vault would not seal it, as it last said; null: it would; undefined: it was never asked. */
  verdict: string | null | undefined;
}

interface KnownSubmission {
  readonly number: number;
  readonly runs: readonly KnownRun[];
}

export class Oracle implements ServiceTold {
  readonly #submissions = new Map<string, KnownSubmission[]>();
  readonly #runs = new Map<string, KnownRun>();
  /** What must be in the store, and what must never be, by stream and first number. */
  readonly #owed = new Set<string>();
  readonly #barred = new Set<string>();
  /** Denials that their services heard. */
  readonly #heard = new Set<string>();
  /** Roots that anybody may have seen, by size. */
  readonly #published = new Map<number, Buffer>();
  custody = new CustodyOracle();
  acknowledgements = 0;
  checks = 0;

  submitted({ service, instance, number, runs }: Sent): void {
    const known = runs.map((run): KnownRun => ({ ...run, service, verdict: undefined }));
    for (const run of known) this.#runs.set(keyOf(run.stream, run.first), run);
    const all = this.#submissions.get(instance) ?? [];
    all.push({ number, runs: known });
    this.#submissions.set(instance, all);
  }

  /** In the order in which they came. */
  get submittedRuns(): readonly SentRun[] {
    return [...this.#runs.values()];
  }

  /** The vault decided on a run. */
  judged(stream: string, first: number, code: string | null): void {
    const run = this.#runs.get(keyOf(stream, first));
    if (run !== undefined) run.verdict = code;
  }

  get hasDenied(): boolean {
    return [...this.#runs.values()].some(({ verdict }) => typeof verdict === 'string');
  }

  /** The vault wrote a message to the line of a service: from here on it is held to it. */
  said(instance: string, bytes: Buffer): void {
    const message = decodeMessage(bytes[4]!, bytes.subarray(5));
    if (message.type === 'denied' && message.code === TOO_MANY) this.#turnedAway(instance, message.number, message.stream.toString('hex'));
    if (message.type === 'ack') this.#promised(instance, message.number);
    if (message.type === 'welcome') this.#promised(instance, message.last);
  }

  /** What no rule forbids and the vault has no room for, it says by itself. */
  #turnedAway(instance: string, number: number, stream: string): void {
    for (const submission of this.#submissions.get(instance) ?? []) {
      if (submission.number === number) for (const run of submission.runs) if (run.stream === stream) run.verdict = TOO_MANY;
    }
  }

  #promised(instance: string, number: number): void {
    this.acknowledgements += 1;
    for (const { runs } of this.#upTo(instance, number)) {
      for (const run of runs) (run.verdict === null || run.verdict === undefined ? this.#owed : this.#barred).add(keyOf(run.stream, run.first));
    }
  }

  #upTo(instance: string, number: number): KnownSubmission[] {
    return (this.#submissions.get(instance) ?? []).filter((submission) => submission.number <= number);
  }

  denied(instance: string, number: number, stream: string, code: string): void {
    this.#heard.add(`${instance} ${number} ${stream}`);
    if (!code.startsWith('source.') && code !== TOO_MANY) throw new Violation(`submission ${number}: stream ${stream} was denied as ${code}, though its service kept to the protocol`);
  }

  /** A service takes what it was not told to be denied for sealed. */
  acknowledged(instance: string, number: number, denied: ReadonlySet<string>): void {
    for (const { runs } of this.#upTo(instance, number).filter((submission) => submission.number === number)) {
      for (const run of runs) {
        if (run.verdict !== null && run.verdict !== undefined && !denied.has(run.stream)) {
          throw new Violation(`submission ${number} of ${run.service} was acknowledged, and its service never heard that stream ${run.stream} was denied`);
        }
      }
    }
  }

  /** Whoever submitted, by instance. */
  get instances(): ReadonlyMap<string, string> {
    return new Map([...this.#submissions].flatMap(([instance, [first]]) => (first?.runs[0] === undefined ? [] : [[instance, first.runs[0].service] as const])));
  }

  /** A life came back and was welcomed: what it had not heard of was said before. */
  greeted(instance: string, last: number, said: ReadonlySet<string>): void {
    for (const { number, runs } of this.#upTo(instance, last)) {
      for (const { stream, verdict } of runs) {
        const isKnown = typeof verdict !== 'string' || said.has(`${number} ${stream}`) || this.#heard.has(`${instance} ${number} ${stream}`);
        if (!isKnown) throw new Violation(`submission ${number} was acknowledged by a welcome, and nobody says that its stream ${stream} was denied`);
      }
    }
  }

  welcomed(_service: string, _instance: string, _last: number, _token: string): void {}

  forgotten(what: string): void {
    throw new Violation(`the vault forgot what it had acknowledged: ${what}`);
  }

  /** A checkpoint can be seen outside. */
  published(note: string): void {
    const { size, root } = readCheckpoint(note.slice(0, note.lastIndexOf('\n\n') + 1));
    const before = this.#published.get(size);
    if (before !== undefined && !before.equals(root)) throw new Violation(`two checkpoints of ${size} entries were published`);
    this.#published.set(size, root);
  }

  /** The log, as a vault that has started publishes it, extends all that was ever seen and holds all that is owed. */
  check(store: SealedStore): void {
    this.checks += 1;
    this.#checkPublished(store.entries);
    const runs = this.custody.complete(store);
    this.custody.checkDecisions(store);
    const sealed = new Map<string, SealedRun>();
    const next = new Map<string, number>();
    for (const run of runs) {
      const key = keyOf(run.stream, run.first);
      const known = this.#runs.get(key);
      if (known === undefined) {
        if (run.isOfTheVault) continue;
        throw new Violation(`run ${key} is sealed and was never submitted`);
      }
      if (sealed.has(key)) throw new Violation(`run ${key} of ${known.service} is sealed twice`);
      sealed.set(key, run);
      checkRun(known, run);
      if (this.#barred.has(key)) throw new Violation(`run ${key} of ${known.service} is sealed, though it was denied`);
      if (run.first < (next.get(run.stream) ?? 0)) throw new Violation(`stream ${run.stream} is sealed out of order: ${run.first} after ${next.get(run.stream)}`);
      next.set(run.stream, run.first + run.records.length);
    }
    for (const key of this.#owed) if (!sealed.has(key)) throw new Violation(`run ${key} of ${this.#runs.get(key)!.service} was acknowledged and is not in the store`);
    checkJournal(runs);
  }

  #checkPublished(entries: readonly Buffer[]): void {
    const tree = new LogTree();
    const isLongest = Math.max(0, ...this.#published.keys());
    if (isLongest > entries.length) throw new Violation(`a checkpoint of ${isLongest} entries was published, the log has ${entries.length}`);
    for (const entry of entries) {
      tree.append(entry);
      const root = this.#published.get(tree.size);
      if (root !== undefined && !root.equals(tree.root())) throw new Violation(`the log is not the one of which a checkpoint of ${tree.size} entries was published`);
    }
  }

  /** A copy that knows the same, for another future. */
  clone(): Oracle {
    const copy = new Oracle();
    copy.custody = this.custody.clone();
    for (const [key, run] of this.#runs) copy.#runs.set(key, { ...run });
    for (const [instance, submissions] of this.#submissions) {
      copy.#submissions.set(instance, submissions.map(({ number, runs }) => ({ number, runs: runs.map((run) => copy.#runs.get(keyOf(run.stream, run.first))!) })));
    }
    for (const key of this.#owed) copy.#owed.add(key);
    for (const key of this.#barred) copy.#barred.add(key);
    for (const one of this.#heard) copy.#heard.add(one);
    for (const [size, root] of this.#published) copy.#published.set(size, root);
    return copy;
  }

  /** Tells apart what different pasts owe. */
  get debt(): string {
    return [...this.#owed, '|', ...this.#barred, '|', ...this.#published.keys(), this.custody.debt].join(' ');
  }
}

function keyOf(stream: string, first: number): string {
  return `${stream.slice(0, 12)}@${first}`;
}

function checkRun(known: KnownRun, run: SealedRun): void {
  const isSame = run.source === known.source && run.kind === known.kind && run.records.length === known.records.length && run.records.every((record, i) => record === known.records[i]);
  if (!isSame) throw new Violation(`run ${run.stream}@${run.first} is sealed with other bytes or facts than it was submitted with`);
}

/** What is read with a resume token is sealed without a gap and without a repeat, whatever lives it took. */
function checkJournal(runs: readonly SealedRun[]): void {
  let next = 0;
  for (const run of runs) {
    if (run.protocol !== 'journal' || run.kind !== KIND.data) continue;
    for (const record of run.records) {
      const place = Number(record.split(' ')[1]);
      if (place !== next) throw new Violation(`record ${place} of the journal is sealed where ${next} is next`);
      next += 1;
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// The vault's side of being witnessed: it compares itself before it serves, judges what comes back from witnesses, measures
// what is not witnessed yet, and seals when that lasts too long. It has no network: the witness service speaks for it.
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { consistencyPath, judgeWitnessed, parsePolicy, shownName, tilePath, type EntryPackage, type Policy, type WitnessedCheckpoint } from '@strongroom/evidence';
import { errorFields, type Fields, type Level, type ServiceContext, type WitnessFacts } from '@strongroom/service';
import { LogDirectory } from '../commit/log-directory.ts';
import { putFile, readWhole, removePath } from '../disk.ts';
import type { Sealing } from '../sealing.ts';
import type { World } from '../world.ts';
import { Comparison, isContradiction } from './comparison.ts';
import { Exposure } from './exposure.ts';
import { judgeHeard, namesOf, NOTHING_HEARD, whyNotCompared, type Heard } from './heard.ts';
import { packageOf, segmentOctets } from './mirroring.ts';
import { publishedRoots, WitnessedFiles, type RootAt } from './witnessed.ts';

const WATCH_MS = 1000;

type WitnessingContext = Pick<ServiceContext, 'paths' | 'config' | 'event' | 'state' | 'stop'>;

export class Witnessing {
  readonly #world: World;
  readonly #context: WitnessingContext;
  readonly #sealing: Sealing;
  readonly #policy: Policy;
  readonly #log: LogDirectory;
  readonly #rootAt: RootAt;
  readonly #files: WitnessedFiles;
  readonly #comparison: Comparison;
  readonly #exposure: Exposure;
  #last: WitnessedCheckpoint | null = null;
  /** Cosigned checkpoints are judged and put in place one after the other. */
  #accepting: Promise<unknown> = Promise.resolve();
  #compared: 'not yet' | 'no' | 'yes' = 'not yet';
  #said: Heard = NOTHING_HEARD;
  readonly #heard = Promise.withResolvers<void>();
  readonly #refused = Promise.withResolvers<never>();
  /** When the oldest unwitnessed commit was made, while that is longer ago than it may be. */
  #outSince: Date | null = null;
  /** What witnesses merely claim to have seen, each told once. */
  readonly #claims = new Map<string, number>();

  /** Throws `Refused`: `vault.rollback`, `vault.fork` when what lies beside the store contradicts it. */
  static async open(world: World, context: WitnessingContext, sealing: Sealing): Promise<Witnessing | null> {
    const policy = readWhole(world.disk, context.paths.policy);
    if (context.config.witness.policy === undefined || policy === null) return null;
    const witnessing = new Witnessing(world, context, sealing, parsePolicy(policy));
    await witnessing.#comparison.again();
    await removePath(world.disk, witnessing.#refusal);
    witnessing.#begin();
    return witnessing;
  }

  private constructor(world: World, context: WitnessingContext, sealing: Sealing, policy: Policy) {
    const { publisher, vault } = sealing;
    [this.#world, this.#context, this.#sealing, this.#policy] = [world, context, sealing, policy];
    this.#log = new LogDirectory(world.disk, context.paths.log);
    this.#rootAt = publishedRoots(this.#log, () => publisher.publishedSize);
    this.#files = new WitnessedFiles(world.disk, context.paths);
    this.#comparison = new Comparison({ disk: world.disk, vaultState: context.paths.vaultState, key: () => vault.keys, policy, size: () => publisher.publishedSize, rootAt: this.#rootAt });
    this.#last = this.#load();
    this.#exposure = new Exposure(() => world.clock.nowMs(), this.#files.remembered(this.#last?.size ?? 0) ?? { records: 0, bytes: 0 });
    this.#refused.promise.catch(() => undefined);
  }

  /** What does not fit the policy any more is not witnessed; what contradicts the store stops it. */
  #load(): WitnessedCheckpoint | null {
    const note = this.#files.note();
    if (note === null) return null;
    try {
      this.#comparison.own(note);
      return judgeWitnessed(note, this.#sealing.vault.keys, this.#policy);
    } catch (error) {
      if (isContradiction(error) || !(error instanceof Refused)) throw error;
      this.#context.event('vault.witnessed-ignored', 'warn', errorFields(error));
      return null;
    }
  }

  #begin(): void {
    const { vault, events } = this.#sealing;
    if (vault.size > (this.#last?.size ?? 0)) {
      const ageMs = this.#last === null ? 0 : Math.max(0, Number(this.#world.clock.nowNs() / 1_000_000n) - this.#last.seconds * 1000);
      this.#exposure.committed(vault.size, vault.totals, ageMs);
    }
    events.on('sealed', () => this.#exposure.committed(vault.size, vault.totals));
  }

  /** Rejects with `Refused` when a witness, at whatever time, shows what this store cannot be. */
  get refused(): Promise<never> {
    return this.#refused.promise;
  }

  get isComparing(): boolean {
    return this.#compared === 'not yet';
  }

  /**
   * Waits for what the witnesses have seen, as long as `witness.startSeconds` allows; that it could not be known is no
   * reason not to serve, and is sealed. Throws `Refused`: `vault.rollback`, `vault.fork`.
   */
  async compare(): Promise<void> {
    const { startSeconds } = this.#context.config.witness;
    this.#context.state('starting', 'asking the witnesses what they have seen of this log');
    const waited = new AbortController();
    await Promise.race([this.#heard.promise, this.#refused.promise, this.#world.clock.sleep(startSeconds * 1000, AbortSignal.any([waited.signal, this.#context.stop]))]);
    waited.abort();
    if (this.#compared === 'not yet') this.#notCompared();
  }

  #notCompared(): void {
    this.#compared = 'no';
    // That nobody knows a log that was never witnessed is how each begins.
    const isFirst = this.#last === null && this.#said.ahead.length === 0 && judgeHeard(this.#policy, this.#said) === 'over';
    this.#say('vault.not-compared', isFirst ? 'info' : 'warn', { why: whyNotCompared(this.#policy, this.#said) });
  }

  /** The comparison, or a later one after it was not possible, goes on, or has come to an end. */
  async heard(said: Heard): Promise<void> {
    this.#said = this.#ofPolicy(said);
    const judged = judgeHeard(this.#policy, this.#said);
    if (judged === 'waiting' || this.#compared === 'yes') return;
    if (judged === 'ahead') return this.#refuseByWord();
    if (judged === 'compared') {
      this.#compared = 'yes';
      const { known, unknown, ahead, silent } = this.#said;
      this.#say('vault.compared', 'info', { known: namesOf(known), unknown: namesOf(unknown), ahead: namesOf(ahead), silent: namesOf(silent), size: this.#sealing.publisher.publishedSize });
    }
    this.#heard.resolve();
  }

  /**
   * None of them shows a checkpoint, as the protocol lets them: by its word alone a witness stops nobody, but a quorum is who
   * the policy believes. What is left for an order to accept it says no more than that.
   */
  async #refuseByWord(): Promise<void> {
    const sizes = this.#said.ahead.map((name) => `${shownName(name)} says ${this.#claims.get(name) ?? 'more'}`).join(', ');
    const why = `a quorum of witnesses names more entries and shows no checkpoint: ${sizes}; this store has ${this.#sealing.publisher.publishedSize}`;
    await putFile(this.#world.disk, this.#refusal, `${why}\n`);
    this.#refused.reject(new Refused('vault.rollback', 'the store is older than what witnesses have seen of this log', { why, fix: 'put the newest store back; if it is gone: "strongroom recover --help"; if they are wrong, ask their operators' }));
  }

  get #refusal(): string {
    return join(this.#context.paths.vaultState, 'witness-refusal');
  }

  /** Only those that are asked count. */
  #ofPolicy(said: Heard): Heard {
    const only = (names: readonly string[]): string[] => this.#policy.witnesses.map(({ name }) => name).filter((name) => names.includes(name));
    return { known: only(said.known), unknown: only(said.unknown), ahead: only(said.ahead), silent: only(said.silent), tried: said.tried };
  }

  /** Watches, from when the vault serves until it stops, how long commits wait. */
  async watch(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      this.#look();
      await this.#world.clock.sleep(WATCH_MS, stop);
    }
  }

  #look(): void {
    const { ageMs, records, bytes } = this.#exposure.now();
    const isOut = ageMs !== null && ageMs > this.#context.config.witness.graceSeconds * 1000;
    const nowMs = Number(this.#world.clock.nowNs() / 1_000_000n);
    const witnessed = this.#last?.size ?? 0;
    if (isOut && this.#outSince === null) {
      this.#outSince = new Date(nowMs - ageMs);
      this.#say('vault.unwitnessed', 'warn', { since: this.#outSince.toISOString(), witnessedSize: witnessed, records, bytes });
    } else if (!isOut && this.#outSince !== null) {
      this.#say('vault.witnessed-again', 'info', { since: this.#outSince.toISOString(), forMs: nowMs - this.#outSince.getTime(), witnessedSize: witnessed });
      this.#outSince = null;
    }
  }

  /** A cosigned checkpoint, kept when it is newer than the last. Throws `Refused`: `witness.*`, `note.*`, `vault.fork`; `Failed` of the disk. */
  async cosigned(note: string): Promise<number> {
    const accept = this.#accepting.then(() => this.#accept(note));
    this.#accepting = accept.catch(() => undefined);
    return accept;
  }

  async #accept(note: string): Promise<number> {
    const witnessed = judgeWitnessed(note, this.#sealing.vault.keys, this.#policy);
    const { publishedSize } = this.#sealing.publisher;
    if (witnessed.size > publishedSize) throw new Refused('witness.unpublished', 'that checkpoint is not published', { why: `it has ${witnessed.size} entries, ${publishedSize} are published` });
    if (!this.#rootAt(witnessed.size).equals(witnessed.root)) throw new Refused('witness.other-log', 'that checkpoint is not of this store');
    if (witnessed.size <= (this.#last?.size ?? 0) && this.#last !== null) return this.#last.size;
    await this.#files.put(witnessed, this.#exposure.upTo(witnessed.size));
    this.#exposure.witnessed(witnessed.size);
    this.#last = witnessed;
    this.#look();
    return witnessed.size;
  }

  /** What a witness shows. Resolves with its size when it is of this log. Throws `Refused`, after which the vault must end. */
  async seen(who: string, note: string): Promise<number> {
    try {
      return await this.#comparison.seen(note, shownName(who));
    } catch (error) {
      if (isContradiction(error)) this.#refused.reject(error);
      throw error;
    }
  }

  /** What a witness says without showing it: worth telling, and not worth stopping for. */
  claims(who: string, size: number): void {
    const { publishedSize } = this.#sealing.publisher;
    if (size <= publishedSize || this.#claims.get(who) === size || !this.#policy.witnesses.some(({ name }) => name === who)) return;
    this.#claims.set(who, size);
    this.#say('vault.witness-claims-more', 'warn', { witness: shownName(who), size, publishedSize });
  }

  /** The newest published checkpoint; null before the first. */
  get current(): { note: string; size: number } | null {
    const { publishedSize, checkpoint } = this.#sealing.publisher;
    return checkpoint === '' ? null : { note: checkpoint, size: publishedSize };
  }

  /** The newest published checkpoint, as soon as it is beyond `after`; null when the wait was aborted. */
  async published(after: number, signal: AbortSignal): Promise<{ note: string; size: number } | null> {
    const { publisher } = this.#sealing;
    await publisher.beyond(after, signal);
    return publisher.publishedSize <= after ? null : this.current;
  }

  /** The proof that the log grew from `from` to `to` entries. Throws `Refused('witness.sizes')`. */
  consistency(from: number, to: number): Buffer[] {
    const { publishedSize } = this.#sealing.publisher;
    if (!(from >= 0 && from <= to && to <= publishedSize)) throw new Refused('witness.sizes', `there is no proof from ${from} to ${to} entries`, { why: `${publishedSize} are published` });
    return consistencyPath(from, to, ({ level, index, width }) => this.#log.read(tilePath(level, index, width)));
  }

  /** Of one bundle, with their proof. Throws `Refused('witness.sizes')`. */
  entries(start: number, end: number, size: number): EntryPackage {
    if (size > this.#sealing.publisher.publishedSize) throw new Refused('witness.sizes', `${size} entries are not published`);
    return packageOf(this.#log, start, end, size);
  }

  /** Octets of a segment, encrypted as they are. Throws `Refused('witness.segment')`. */
  segment(segment: string, offset: number, length: number): Promise<Buffer> {
    return segmentOctets(this.#world.disk, this.#context.paths.segments, segment, offset, length);
  }

  #say(event: string, level: Level, fields: Fields): void {
    this.#context.event(event, level, fields);
    this.#sealing.record(event, fields, level);
  }

  get facts(): WitnessFacts {
    const { ageMs, records, bytes } = this.#exposure.now();
    const { known, unknown, ahead } = this.#said;
    return {
      size: this.#last?.size ?? 0,
      at: this.#last === null ? null : new Date(this.#last.seconds * 1000).toISOString(),
      by: (this.#last?.names ?? []).map(shownName),
      unwitnessed: { ageMs, records, bytes },
      since: this.#outSince?.toISOString() ?? null,
      compared: this.#compared === 'yes',
      comparison: { of: this.#policy.witnesses.length, known: known.map(shownName), unknown: unknown.map(shownName), ahead: ahead.map(shownName) },
    };
  }
}

/** Throws `Failed('vault.witness-answer')` for what is no whole number. */
export function wholeNumber(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new Failed('vault.witness-answer', 'the witness service asks for what makes no sense', { why: `${JSON.stringify(value)?.slice(0, 60)} is no size` });
}

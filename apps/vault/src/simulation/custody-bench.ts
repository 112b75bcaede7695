// SPDX-License-Identifier: Apache-2.0
// A small vault under holds and orders for tests: a real log, real segments and the real reading thread over keys in
// memory; cycles run when a test says so.
import { EventEmitter } from 'node:events';
import { X509Certificate, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { decodeOrderFile, type Order, type OrderFile } from '@strongroom/evidence';
import type { Fields, Registry } from '@strongroom/service';
import { SoftwareKeys, TestAuthority, approvedBy, makeCustodian, type TestCustodian } from '@strongroom/testing';
import { CommitLog } from '../commit/commit-log.ts';
import type { CustodyKeys } from '../commit/key-line.ts';
import type { SealingKeys } from '../commit/keys.ts';
import { LogDirectory } from '../commit/log-directory.ts';
import { Publisher } from '../commit/publisher.ts';
import { recover } from '../commit/recover.ts';
import { RotationFiles } from '../commit/rotation-files.ts';
import { Vault, type VaultEvents } from '../commit/vault.ts';
import { OwnRecords } from '../intake/own-records.ts';
import { Waiting } from '../intake/waiting.ts';
import { dataKeyReader } from '../read/data-keys.ts';
import { Reading } from '../read/reading.ts';
import { SYSTEM_WORLD } from '../world.ts';
import { Custody } from '../custody/custody.ts';
import { OrderFiles } from '../commit/order-files.ts';
import { SegmentKeys } from '../commit/segment-keys.ts';
import type { CustodyTools } from '../custody/tools.ts';

const DEPLOYMENT = 'test.example';
const ORIGIN = `${DEPLOYMENT}/log`;

type Wrapped = Awaited<ReturnType<SealingKeys['wrap']>>;

/** The key service as far as custody asks it. */
export class BenchKeys implements SealingKeys, CustodyKeys {
  readonly software = new SoftwareKeys(ORIGIN);
  readonly live = new Set<string>();
  readonly begun = new Set<string>();
  /** What each call fails with, while it is set; `begun`: after it was noted. */
  fails: { begin?: Error; begun?: Error; destroy?: Error } = {};
  /** How far its clock and the vault's are set forward. */
  laterNs = 0n;

  nowNs(): bigint {
    return SYSTEM_WORLD.clock.nowNs() + this.laterNs;
  }

  signCheckpoint(text: Buffer): Promise<Buffer> {
    return this.software.signCheckpoint(text);
  }

  async ensureWrappingKey(retentionClass: string, bucket: string, except: readonly string[] = []): Promise<string> {
    const start = `${retentionClass}/${bucket}/`;
    const keyId = [...this.live].find((one) => one.startsWith(start) && !except.includes(one)) ?? `${start}${randomBytes(8).toString('hex')}`;
    this.live.add(keyId);
    return keyId;
  }

  async wrap(keyId: string, dataKey: Buffer, context: Buffer): Promise<Wrapped> {
    this.#check(keyId);
    return this.software.wrap(keyId, dataKey, context);
  }

  async unwrap(keyId: string, wrapped: Wrapped, context: Buffer): Promise<Buffer> {
    this.#check(keyId);
    try {
      return this.software.unwrapNow(keyId, wrapped, context);
    } catch (cause) {
      throw new Refused('keys.not-authentic', 'it was not wrapped so', { cause });
    }
  }

  async rewrap(keyId: string, wrapped: Wrapped, context: Buffer, toKeyId: string, toContext: Buffer): Promise<Wrapped> {
    return this.wrap(toKeyId, await this.unwrap(keyId, wrapped, context), toContext);
  }

  async beginOrder(bytes: Buffer): Promise<readonly string[]> {
    if (this.fails.begin !== undefined) throw this.fails.begin;
    const { order } = decodeOrderFile(bytes);
    if (!this.begun.has(order.id) && this.nowNs() > order.expires) throw new Refused('order.expired', 'too late');
    this.begun.add(order.id);
    if (this.fails.begun !== undefined) throw this.fails.begun;
    return this.#keysOf(order);
  }

  async destroyByOrder(bytes: Buffer): Promise<readonly string[]> {
    if (this.fails.destroy !== undefined) throw this.fails.destroy;
    const keys = this.#keysOf(decodeOrderFile(bytes).order);
    for (const keyId of keys) this.live.delete(keyId);
    return keys;
  }

  #keysOf(order: Order): readonly string[] {
    return order.kind === 'destroy' ? order.keys : [...this.live].filter((keyId) => order.kind === 'release' && keyId.startsWith(`hold/${order.hold}/`));
  }

  #check(keyId: string): void {
    if (!this.live.has(keyId)) throw new Refused('keys.wrapping-key', `there is no key ${keyId}`);
  }
}

export class Bench {
  readonly home: string;
  readonly keys: BenchKeys;
  readonly said: { readonly event: string; readonly fields: Fields }[] = [];
  readonly vault: Vault;
  readonly publisher: Publisher;
  readonly reading: Reading;
  readonly tools: CustodyTools;
  readonly custody: Custody;
  readonly custodians: readonly TestCustodian[];
  /** False: sealing stands still, and what is committed is not published by waiting for it. */
  isSettling = true;
  /** What custody wants to do after so many milliseconds: it is done when a test says so. */
  readonly later = new Map<number, () => void>();
  readonly #waiting = new Waiting(SYSTEM_WORLD.clock);
  readonly #own = new OwnRecords(SYSTEM_WORLD, `spiffe://${DEPLOYMENT}/service/vault`, randomBytes(16));

  static async open(): Promise<Bench> {
    const home = mkdtempSync(join(tmpdir(), 'strongroom-custody-'));
    const authority = await TestAuthority.make();
    const custodians = [await makeCustodian(authority, DEPLOYMENT, 'anna'), await makeCustodian(authority, DEPLOYMENT, 'bert')];
    const commitLog = new CommitLog(SYSTEM_WORLD.disk, join(home, 'commit'));
    const keys = new BenchKeys();
    const recovered = await recover(SYSTEM_WORLD, pathsIn(home), keys.software.known(), commitLog);
    return new Bench(home, authority, custodians, keys, commitLog, recovered);
  }

  private constructor(home: string, authority: TestAuthority, custodians: readonly TestCustodian[], keys: BenchKeys, commitLog: CommitLog, recovered: Awaited<ReturnType<typeof recover>>) {
    [this.home, this.custodians, this.keys] = [home, custodians, keys];
    const paths = pathsIn(home);
    const [world, { disk }] = [SYSTEM_WORLD, SYSTEM_WORLD];
    this.vault = new Vault({
      world, commitLog, waiting: this.#waiting, segments: paths.segments, dataKeys: paths.dataKeys, cycleBytesMax: 1 << 20, keepDays: () => 400, segmentBytesMax: 1 << 20, isAlive: () => false, keys,
    }, recovered, new EventEmitter<VaultEvents>());
    this.publisher = new Publisher(world, this.vault, new LogDirectory(disk, paths.log), new RotationFiles(disk, paths.rotations), join(home, 'remembered'));
    this.reading = this.openReading();
    const registry: Registry = { sources: {}, readers: {}, custodians: Object.fromEntries(custodians.map(({ enrolment }) => [basename(enrolment.id), enrolment])) };
    this.tools = {
      world: { ...world, clock: { ...world.clock, nowNs: () => keys.nowNs(), after: (ms, call) => this.#after(ms, call) } }, origin: ORIGIN, paths: { segments: paths.segments, filters: join(home, 'filters'), holds: join(home, 'holds') }, authority: () => new X509Certificate(authority.certificatePem).raw,
      registry: () => registry, classes: [], copies: [], orderHours: 1, state: this.vault.custody, keys, reading: this.reading,
      wraps: new SegmentKeys(disk, paths.dataKeys, ORIGIN), orders: new OrderFiles(disk, join(home, 'pending'), paths.orders), protect: async () => true,
      say: (event, _level, fields) => { this.said.push({ event, fields }); }, log: this.#log(),
    };
    this.custody = new Custody(this.tools, 60);
  }

  #after(ms: number, call: () => void): () => void {
    this.later.set(ms, call);
    return () => { this.later.delete(ms); };
  }

  #log(): CustodyTools['log'] {
    const { vault, publisher } = this;
    return {
      settle: async () => { if (this.isSettling) await publisher.flush(); },
      enter: async (entry) => {
        const entered = vault.entered(entry);
        await this.cycle();
        await publisher.flush();
        return entered;
      },
      retire: async (keyIds) => {
        vault.retire(keyIds);
        await this.cycle();
        await publisher.flush();
      },
      get size() { return vault.size; },
      get root() { return vault.root; },
    };
  }

  openReading(silentMs?: number): Reading {
    const paths = pathsIn(this.home);
    return new Reading(paths, dataKeyReader(paths.dataKeys, ORIGIN, (...args) => this.keys.unwrap(...args), () => this.vault.openSegments), silentMs);
  }

  async cycle(): Promise<void> {
    await this.vault.cycle();
    while (this.vault.hasWork) await this.vault.cycle();
  }

  /** Seals a record in a segment of its own, which is closed; gives the segment. */
  async seal(event: string): Promise<string> {
    this.#waiting.push(this.#own.event(event, 'info'));
    await this.vault.cycle();
    const [segment] = [...this.vault.openSegments].map(({ name }) => name);
    await this.vault.closeSegments();
    await this.vault.cycle();
    return segment!;
  }

  /** Signed by custodians, as a file that was approved elsewhere. */
  approved(file: OrderFile, by: readonly TestCustodian[] = this.custodians): OrderFile {
    return approvedBy(file, ...by);
  }

  /** Whether the wrap of a bucket's or a hold's key is there and opens. */
  async opens(segment: string, hold?: string): Promise<boolean> {
    const wrapped = this.tools.wraps.read(segment, hold);
    if (wrapped === null) return false;
    return this.keys.unwrap(wrapped.keyId, wrapped, this.tools.wraps.context(segment, wrapped.keyId)).then(() => true, () => false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.custody.close();
    this.reading.close();
    await this.vault.release();
    rmSync(this.home, { recursive: true });
  }
}

/** What the key service fails with while it is away. */
export function away(): Failed {
  return new Failed('keys.hsm-away', 'the HSM does not answer');
}

function pathsIn(home: string) {
  const of = (name: string): string => join(home, name);
  return {
    log: of('log'), segments: of('segments'), commit: of('commit'), timestamps: of('timestamps'), rotations: of('rotations'), witnessed: of('witnessed'), orders: of('orders'),
    dataKeys: of('keys'), state: home,
  };
}

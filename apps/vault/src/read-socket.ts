// SPDX-License-Identifier: Apache-2.0
// Where evidence is read: mutual TLS, an enrolled reader's certificate, and each reading is itself a record.
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Refused } from '@strongroom/bytes';
import { decodeContext, itemOf, recordsOf, type Item } from '@strongroom/evidence';
import { peerKeyHash, peerSpiffe, serveRpc, standing, tlsServerOptions, type RpcCall, type RpcVerbs, type ServiceContext } from '@strongroom/service';
import type { Custody } from './custody/custody.ts';
import { CUSTODY_DONE, CUSTODY_SEEN, custodyVerbs } from './custody/verbs.ts';
import { parseQuery, type Matcher } from './read/query.ts';
import type { Reading } from './read/reading.ts';
import type { SealedBatch } from './commit/seal.ts';
import { listenOn } from './unix-server.ts';

/** What a slow watcher may have waiting; beyond it records are passed over, counted, and the count is shown. */
const TAP_ITEMS_MAX = 1000;

/** Anybody on this machine may knock, and a handshake takes time and memory: so few at once, and not for long. */
const CONNECTIONS_MAX = 128;
const HANDSHAKE_MS = 10_000;

interface Reader {
  readonly id: string;
}

export interface ReadSocketOptions {
  readonly context: ServiceContext;
  readonly reading: Reading;
  readonly custody: Custody;
  /** Resolves when what waits now is committed and published. */
  readonly settle: () => Promise<void>;
  /** Seals that somebody reads. */
  readonly record: (event: string, fields: Record<string, string | number | boolean | null>) => void;
  /** Seals that somebody was refused, as often as that may be. */
  readonly refused: (event: string, fields: Record<string, string | number | boolean | null>) => void;
}

export class ReadSocket {
  readonly #options: ReadSocketOptions;
  readonly #taps = new Set<(batches: readonly SealedBatch[], first: number) => void>();
  #server: Server | undefined;

  constructor(options: ReadSocketOptions) {
    this.#options = options;
  }

  async listen(): Promise<void> {
    const { context } = this.#options;
    const server = createServer({ ...tlsServerOptions(context.identity), handshakeTimeout: HANDSHAKE_MS }, (socket) => this.#accept(socket));
    server.maxConnections = CONNECTIONS_MAX;
    server.on('tlsClientError', (error, socket) => {
      this.#options.refused('vault.reader-refused', { why: error.message });
      socket.destroy();
    });
    // Anybody on this machine may knock: who may read is told by the certificate.
    this.#server = await listenOn(server, context.paths.readSocket, 0o666, null);
  }

  reload(): void {
    this.#server?.setSecureContext(tlsServerOptions(this.#options.context.identity));
  }

  close(): void {
    this.#server?.close();
  }

  sealed(batches: readonly SealedBatch[], first: number): void {
    for (const tap of this.#taps) tap(batches, first);
  }

  #accept(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    const caller = { id: idOf(socket) };
    const refuse = (verb: string): void => this.#check(socket, caller.id, verb);
    const guarded = Object.fromEntries(Object.entries(this.#verbs()).map(([name, verb]) => [name, (args: unknown, call: RpcCall<Reader>) => { refuse(name); return verb(args, call); }]));
    void serveRpc(socket, guarded, { caller, onError: (verb, error) => this.#options.context.event('vault.reading-failed', 'error', { verb, why: String(error) }) });
  }

  /** Asked at each call, so that a revocation counts at once. Throws `Refused('read.not-permitted')`. */
  #check(socket: TLSSocket, id: string, verb: string): void {
    const found = mayAsk(id, verb) ? standing(this.#options.context.registry, id, peerKeyHash(socket)) : 'unknown';
    if (found === 'enrolled') return;
    this.#options.refused('vault.reading-refused', { reader: id, verb, standing: found });
    throw notPermitted(id, verb, found);
  }

  #verbs(): RpcVerbs<Reader> {
    return {
      search: (args, call) => this.#search(args, call),
      reconcile: (args, call) => this.#reconcile(args, call),
      tap: (args, call) => this.#tap(args, call),
      show: (args, { caller }) => this.#one('show', args, caller),
      prove: (args, { caller }) => this.#one('prove', args, caller),
      ...custodyVerbs(this.#options.custody),
    };
  }

  async *#search(args: unknown, { caller: { id }, signal }: RpcCall<Reader>): AsyncGenerator<Item, unknown> {
    parseQuery(args);
    const { settle, record, reading } = this.#options;
    await settle();
    record('vault.reading', { verb: 'search', reader: id, query: JSON.stringify(args) });
    return yield* reading.call('search', args, signal);
  }

  /** Items of reconcile.ts. */
  async *#reconcile(args: unknown, { caller: { id }, signal }: RpcCall<Reader>): AsyncGenerator<unknown, unknown> {
    parseQuery(args);
    const { settle, record, reading } = this.#options;
    await settle();
    record('vault.reading', { verb: 'reconcile', reader: id, query: JSON.stringify(args) });
    return yield* reading.call<unknown>('reconcile', args, signal);
  }

  async #one(verb: 'show' | 'prove', args: unknown, { id }: Reader): Promise<unknown> {
    const { settle, record, reading } = this.#options;
    await settle();
    record('vault.reading', { verb, reader: id, query: JSON.stringify(args) });
    return (await reading.call(verb, args).next()).value;
  }

  /** Records as they are sealed. An item `{skipped: N}` stands where the watcher was too slow. */
  async *#tap(args: unknown, { caller, signal }: RpcCall<Reader>): AsyncGenerator<Item | { skipped: number }, unknown> {
    const query = parseTap(args);
    this.#options.record('vault.reading', { verb: 'tap', reader: caller.id, query: JSON.stringify(args) });
    const waiting: Item[] = [];
    let skipped = 0;
    let wake = Promise.withResolvers<void>();
    const tap = (batches: readonly SealedBatch[], first: number): void => {
      for (const [i, { runs }] of batches.entries()) skipped += take(runs, first + i, query, waiting);
      wake.resolve();
    };
    this.#taps.add(tap);
    signal.addEventListener('abort', () => wake.resolve());
    try {
      while (!signal.aborted) {
        yield* waiting.splice(0);
        if (skipped > 0) yield { skipped };
        skipped = 0;
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
      return null;
    } finally {
      this.#taps.delete(tap);
    }
  }
}

const SEEN: readonly string[] = CUSTODY_SEEN;
const DONE: readonly string[] = CUSTODY_DONE;

/** Readers read; custodians and the operator, who is a reader, decide; what there is to decide both see. */
function mayAsk(id: string, verb: string): boolean {
  const [isReader, isCustodian] = [id.includes('/reader/'), id.includes('/custodian/')];
  if (DONE.includes(verb)) return isCustodian || id.endsWith('/reader/operator');
  return isReader || (isCustodian && SEEN.includes(verb));
}

function notPermitted(id: string, verb: string, found: string): Refused {
  const isDecision = DONE.includes(verb);
  return new Refused('read.not-permitted', `${id} may not ${isDecision ? 'decide about holds and destructions' : 'read evidence'}`, {
    why: `its certificate is that of no enrolled ${isDecision ? 'custodian' : 'reader'}: ${found}`,
    fix: `have one made: strongroom enrol NAME --role ${isDecision ? 'custodian' : 'reader'} --out DIR`,
  });
}

/** This runs beside sealing, where an expression that never comes to an end would hold up everything. Throws `Refused('read.query')`. */
function parseTap(args: unknown): Matcher {
  if ((args as { regex?: unknown } | null)?.regex !== undefined) {
    throw new Refused('read.query', 'what is sealed just now is not matched by expressions', { why: 'that could hold up sealing', fix: 'watch for a text, or search' });
  }
  return parseQuery(args);
}

/** Adds what matches in the batch at `entry`, while there is room; what comes then is not looked at. Returns how many records that were. */
function take(runs: SealedBatch['runs'], entry: number, query: Matcher, items: Item[]): number {
  let [index, skipped] = [0, 0];
  for (const run of runs) {
    const context = decodeContext(run.context);
    const first = index;
    index += run.count;
    if (!query.context(context)) continue;
    let looked = 0;
    for (const record of recordsOf([run])) {
      if (items.length >= TAP_ITEMS_MAX) break;
      looked += 1;
      if (query.record(record)) items.push(itemOf(entry, { ...record, index: first + record.index }, context));
    }
    skipped += run.count - looked;
  }
  return skipped;
}

function idOf(socket: TLSSocket): string {
  try {
    return peerSpiffe(socket);
  } catch {
    return 'somebody without a SPIFFE ID';
  }
}

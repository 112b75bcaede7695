// SPDX-License-Identifier: Apache-2.0
// Where evidence is read: mutual TLS, an enrolled reader's certificate, and each reading is itself a record.
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Refused } from '@strongroom/bytes';
import { decodeContext, itemOf, recordsOf, type Item } from '@strongroom/evidence';
import { peerKeyHash, peerSpiffe, serveRpc, standing, tlsServerOptions, type RpcCall, type RpcVerbs, type ServiceContext } from '@strongroom/service';
import { parseQuery } from './query.ts';
import type { Reading } from './reading.ts';
import type { SealedBatch } from './seal.ts';
import { listenOn } from './unix-server.ts';

/** What a slow watcher may have waiting; beyond it records are passed over, counted, and the count is shown. */
const TAP_ITEMS_MAX = 1000;

interface Reader {
  readonly id: string;
}

export interface ReadSocketOptions {
  readonly context: ServiceContext;
  readonly reading: Reading;
  /** Resolves when what waits now is committed and published. */
  readonly settle: () => Promise<void>;
  /** Seals that somebody reads. */
  readonly record: (event: string, fields: Record<string, string | number | boolean | null>) => void;
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
    const server = createServer(tlsServerOptions(context.identity), (socket) => this.#accept(socket));
    server.on('tlsClientError', (error) => context.event('vault.reader-refused', 'warn', { why: error.message }));
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
    const refuse = (): void => this.#check(socket, caller.id);
    const guarded = Object.fromEntries(Object.entries(this.#verbs()).map(([name, verb]) => [name, (args: unknown, call: RpcCall<Reader>) => { refuse(); return verb(args, call); }]));
    void serveRpc(socket, guarded, { caller, onError: (verb, error) => this.#options.context.event('vault.reading-failed', 'error', { verb, why: String(error) }) });
  }

  /** Asked at each call, so that a revocation counts at once. Throws `Refused('read.not-permitted')`. */
  #check(socket: TLSSocket, id: string): void {
    const found = id.includes('/reader/') ? standing(this.#options.context.registry, id, peerKeyHash(socket)) : 'unknown';
    if (found === 'enrolled') return;
    this.#options.record('vault.reading-refused', { reader: id, standing: found });
    throw new Refused('read.not-permitted', `${id} may not read evidence`, { why: `its certificate is that of no enrolled reader: ${found}`, fix: 'have one made: strongroom enrol NAME --role reader --out DIR' });
  }

  #verbs(): RpcVerbs<Reader> {
    return {
      search: (args, { caller }) => this.#search(args, caller),
      tap: (args, call) => this.#tap(args, call),
      show: (args, { caller }) => this.#one('show', args, caller),
      prove: (args, { caller }) => this.#one('prove', args, caller),
    };
  }

  async *#search(args: unknown, { id }: Reader): AsyncGenerator<Item, unknown> {
    parseQuery(args);
    const { settle, record, reading } = this.#options;
    await settle();
    record('vault.reading', { verb: 'search', reader: id, query: JSON.stringify(args) });
    return yield* reading.call('search', args);
  }

  async #one(verb: 'show' | 'prove', args: unknown, { id }: Reader): Promise<unknown> {
    const { settle, record, reading } = this.#options;
    await settle();
    record('vault.reading', { verb, reader: id, query: JSON.stringify(args) });
    return (await reading.call(verb, args).next()).value;
  }

  /** Records as they are sealed. An item `{skipped: N}` stands where the watcher was too slow. */
  async *#tap(args: unknown, { caller, signal }: RpcCall<Reader>): AsyncGenerator<Item | { skipped: number }, unknown> {
    const query = parseQuery(args);
    this.#options.record('vault.reading', { verb: 'tap', reader: caller.id, query: JSON.stringify(args) });
    const waiting: Item[] = [];
    let skipped = 0;
    let wake = Promise.withResolvers<void>();
    const tap = (batches: readonly SealedBatch[], first: number): void => {
      for (const item of itemsOf(batches, first, query)) {
        if (waiting.length < TAP_ITEMS_MAX) waiting.push(item);
        else skipped += 1;
      }
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

function* itemsOf(batches: readonly SealedBatch[], first: number, query: ReturnType<typeof parseQuery>): Generator<Item> {
  for (const [i, { runs }] of batches.entries()) {
    let index = 0;
    for (const run of runs) {
      const context = decodeContext(run.context);
      if (query.context(context)) for (const record of recordsOf([run])) if (query.record(record)) yield itemOf(first + i, { ...record, index: index + record.index }, context);
      index += run.count;
    }
  }
}

function idOf(socket: TLSSocket): string {
  try {
    return peerSpiffe(socket);
  } catch {
    return 'somebody without a SPIFFE ID';
  }
}

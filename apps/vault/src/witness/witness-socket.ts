// SPDX-License-Identifier: Apache-2.0
// run/vault/witness.sock, for the witness service alone: mutual TLS, one JSON object a line. Of witnesses and of timestamps
// there is only what is configured.
//   hello        {}                              → {comparing, origin, current}: current is the newest published, or null
//   published    {after}                         → {note, size} as soon as more is published; null after a while
//   consistency  {from, to}                      → {proof}
//   entries      {start, end, size}              → {entries, proof}: of one bundle, for a mirror
//   segment      {segment, offset, length}       → {bytes}: encrypted as they lie there, for a mirror
//   seen         {witness, note | size}          → {size}: what a witness shows, or merely says
//   heard        {known, unknown, ahead, silent, tried} → null: how the comparison goes
//   cosigned     {note}                          → {size}
//   stamp-next   {}                              → {offer: {note, size} | null, dueInMs, last}: last is the newest kept, or null
//   stamped      {size, response: base64}        → what is now kept: the authority's answer over what was handed out last
//   report       {event, level, fields}          → null: sealed, as often as that may be
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Refused } from '@strongroom/bytes';
import { peerSpiffe, serveRpc, serviceId, tlsServerOptions, type Fields, type FieldValue, type Level, type RpcVerbs, type ServiceContext } from '@strongroom/service';
import type { Refusals } from '../intake/refusals.ts';
import { listenOn } from '../unix-server.ts';
import type { Timestamping } from './timestamping.ts';
import { wholeNumber, type Witnessing } from './witnessing.ts';

/** A poll that finds nothing ends then: so a peer that is gone is noticed. */
const POLL_MS = 20_000;
const CONNECTIONS_MAX = 8;
const NAMES_MAX = 64;
const FIELDS_MAX = 32;
const TEXT_CHARACTERS_MAX = 1024;
/** Of 64 KiB in base64. */
const RESPONSE_CHARACTERS_MAX = 88 * 1024;

export interface WitnessSocketOptions {
  readonly context: Pick<ServiceContext, 'paths' | 'deployment' | 'separation' | 'identity' | 'event'>;
  /** Null where no witnesses are configured. */
  readonly witnessing: Witnessing | null;
  /** Null where no time stamping authority is. */
  readonly timestamping: Timestamping | null;
  readonly origin: string;
  /** Reports, at a bounded rate. */
  readonly reports: Refusals;
  readonly refused: (event: string, fields: Fields) => void;
}

export class WitnessSocket {
  readonly #options: WitnessSocketOptions;
  readonly #sockets = new Set<TLSSocket>();
  #server: Server | undefined;

  constructor(options: WitnessSocketOptions) {
    this.#options = options;
  }

  async listen(): Promise<void> {
    const { paths, deployment, separation, identity } = this.#options.context;
    const server = createServer(tlsServerOptions(identity), (socket) => this.#accept(socket, serviceId(deployment, 'witness')));
    server.maxConnections = CONNECTIONS_MAX;
    server.on('tlsClientError', (error, socket) => {
      this.#options.refused('vault.witness-refused', { why: error.message });
      socket.destroy();
    });
    this.#server = await listenOn(server, paths.witnessSocket, 0o660, separation.groups?.witness ?? null);
  }

  reload(): void {
    this.#server?.setSecureContext(tlsServerOptions(this.#options.context.identity));
  }

  close(): void {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: TLSSocket, expected: string): void {
    socket.on('error', () => socket.destroy());
    try {
      const peer = peerSpiffe(socket);
      if (peer !== expected) throw new Refused('vault.wrong-socket', `${peer} connected to the socket of ${expected}`);
    } catch (error) {
      this.#options.refused('vault.witness-refused', { why: (error as Error).message });
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    void serveRpc(socket, this.#verbs(), { caller: null, onError: (verb, error) => this.#options.context.event('vault.witness-call-failed', 'error', { verb, why: String(error) }) })
      .then(() => this.#sockets.delete(socket));
  }

  #verbs(): RpcVerbs<null> {
    const { witnessing, timestamping, reports } = this.#options;
    return {
      ...(witnessing === null ? {} : this.#witnessVerbs(witnessing)),
      ...(timestamping === null ? {} : timestampVerbs(timestamping)),
      report: async (args) => {
        reports.note(`witness.${text(args, 'event').replace(/^witness\./, '')}`, { level: levelOf(field(args, 'level')), ...fieldsOf(field(args, 'fields')) });
        return null;
      },
    };
  }

  #witnessVerbs(witnessing: Witnessing): RpcVerbs<null> {
    const { origin } = this.#options;
    return {
      hello: async () => ({ comparing: witnessing.isComparing, origin, current: witnessing.current }),
      published: async (args, { signal }) => witnessing.published(wholeNumber(field(args, 'after')), AbortSignal.any([signal, AbortSignal.timeout(POLL_MS)])),
      consistency: async (args) => ({ proof: witnessing.consistency(wholeNumber(field(args, 'from')), wholeNumber(field(args, 'to'))).map(base64) }),
      entries: async (args) => {
        const { entries, proof } = witnessing.entries(wholeNumber(field(args, 'start')), wholeNumber(field(args, 'end')), wholeNumber(field(args, 'size')));
        return { entries: entries.map(base64), proof: proof.map(base64) };
      },
      segment: async (args) => ({ bytes: base64(await witnessing.segment(text(args, 'segment'), wholeNumber(field(args, 'offset')), wholeNumber(field(args, 'length')))) }),
      seen: async (args) => {
        const [witness, note] = [text(args, 'witness'), field(args, 'note')];
        if (typeof note === 'string') return { size: await witnessing.seen(witness, note) };
        witnessing.claims(witness, wholeNumber(field(args, 'size')));
        return { size: null };
      },
      heard: async (args) => {
        await witnessing.heard({ known: texts(args, 'known'), unknown: texts(args, 'unknown'), ahead: texts(args, 'ahead'), silent: texts(args, 'silent'), tried: field(args, 'tried') === true });
        return null;
      },
      cosigned: async (args) => ({ size: await witnessing.cosigned(text(args, 'note', 64 * 1024)) }),
    };
  }
}

function timestampVerbs(timestamping: Timestamping): RpcVerbs<null> {
  return {
    'stamp-next': async () => timestamping.next(),
    stamped: async (args) => timestamping.keep(wholeNumber(field(args, 'size')), Buffer.from(text(args, 'response', RESPONSE_CHARACTERS_MAX), 'base64')),
  };
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}

function field(args: unknown, name: string): unknown {
  return (args as Readonly<Record<string, unknown>> | null)?.[name];
}

function text(args: unknown, name: string, charactersMax = TEXT_CHARACTERS_MAX): string {
  const value = field(args, name);
  if (typeof value === 'string' && value.length <= charactersMax) return value;
  throw new Refused('vault.witness-call', `"${name}" is missing, no text, or too long`);
}

function texts(args: unknown, name: string): string[] {
  const value = field(args, name);
  if (Array.isArray(value) && value.length <= NAMES_MAX && value.every((one): one is string => typeof one === 'string' && one.length <= TEXT_CHARACTERS_MAX)) return value;
  throw new Refused('vault.witness-call', `"${name}" is no list of names`);
}

function levelOf(value: unknown): Level {
  return value === 'error' || value === 'warn' ? value : 'info';
}

/** Only plain values, few of them, and none that is long. */
function fieldsOf(value: unknown): Fields {
  const fields: Record<string, FieldValue> = {};
  for (const [name, one] of Object.entries((value ?? {}) as Readonly<Record<string, unknown>>).slice(0, FIELDS_MAX)) {
    if (typeof one === 'string') fields[name.slice(0, 64)] = one.slice(0, TEXT_CHARACTERS_MAX);
    else if (typeof one === 'number' || typeof one === 'boolean' || one === null) fields[name.slice(0, 64)] = one;
  }
  return fields;
}

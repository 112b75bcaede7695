// SPDX-License-Identifier: Apache-2.0
// What the gateway says of itself. Each is logged and sealed, so whoever can make us speak could make us speak for ever:
// each kind has a rate, and what is beyond it is counted, and the count is sealed.
import type { Fields, Level } from '@strongroom/service';

export const EVENTS = {
  // A connection that was refused: nothing was taken from it.
  'gateway.no-certificate': 'warn',
  'gateway.certificate-expired': 'warn',
  'gateway.certificate-not-yet-valid': 'warn',
  'gateway.certificate-foreign': 'warn',
  'gateway.certificate-invalid': 'warn',
  'gateway.certificate-wrong-purpose': 'warn',
  'gateway.certificate-wrong-name': 'warn',
  'gateway.certificate-revoked': 'warn',
  'gateway.certificate-replaced': 'warn',
  'gateway.source-not-enrolled': 'warn',
  'gateway.protocol-version': 'warn',
  'gateway.not-tls': 'warn',
  'gateway.tls-on-plain-port': 'warn',
  'gateway.handshake-timeout': 'warn',
  'gateway.handshake-failed': 'warn',
  /** The producer does not accept our certificate. */
  'gateway.certificate-refused-by-peer': 'warn',
  'gateway.connections-full': 'warn',
  'gateway.source-connections-full': 'warn',
  /** The system gives us no more connections: mostly, too few file descriptors. */
  'gateway.accept-failed': 'error',
  // A connection that was ended by us.
  'gateway.frame-refused': 'error',
  'gateway.frame-timeout': 'error',
  'gateway.frames-full': 'error',
  'gateway.idle-timeout': 'warn',
  'gateway.connection-revoked': 'warn',
  /** The vault did not seal what we submitted. */
  'gateway.denied': 'error',
  // Records that are not whole: the beginning is sealed.
  'gateway.record-cut': 'error',
  'gateway.record-unfinished': 'error',
  /** Datagrams that came while no more could be taken. */
  'gateway.datagrams-lost': 'error',
  // The gateway as a whole.
  'gateway.started': 'info',
  'gateway.vault-lost': 'warn',
  'gateway.vault-back': 'warn',
  /** At the stop the vault had not acknowledged everything. RELP clients send it again; of the others it is lost. */
  'gateway.unsealed': 'error',
  'gateway.reloaded': 'info',
  'gateway.reload-refused': 'error',
  'gateway.server-certificate-expired': 'error',
  'gateway.session-tickets': 'error',
  'gateway.events-suppressed': 'warn',
} as const satisfies Record<string, Level>;

export type EventName = keyof typeof EVENTS;
/** Logs and seals an event. */
export type Say = (event: EventName, fields?: Fields) => void;

/** So many of one kind at once, and so many per second after that. */
const BURST = 100;
const PER_SECOND = 20;

interface Bucket {
  tokens: number;
  atMs: number;
  suppressed: number;
}

export class EventLimiter {
  readonly #out: Say;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<EventName, Bucket>();

  constructor(out: Say, nowMs: () => number = () => performance.now()) {
    this.#out = out;
    this.#nowMs = nowMs;
  }

  readonly say: Say = (event, fields) => {
    const bucket = this.#filled(event);
    if (bucket.tokens < 1) {
      bucket.suppressed += 1;
      return;
    }
    bucket.tokens -= 1;
    this.#out(event, fields);
  };

  /** Tells of what was suppressed, where there is room for it again. Call it each second, and with `all` at the end. */
  settle(all = false): void {
    for (const event of this.#buckets.keys()) {
      const bucket = this.#filled(event);
      if (bucket.suppressed === 0 || (bucket.tokens < 1 && !all)) continue;
      const count = bucket.suppressed;
      bucket.suppressed = 0;
      this.#out('gateway.events-suppressed', { suppressed: event, count });
    }
  }

  #filled(event: EventName): Bucket {
    const nowMs = this.#nowMs();
    let bucket = this.#buckets.get(event);
    if (bucket === undefined) this.#buckets.set(event, bucket = { tokens: BURST, atMs: nowMs, suppressed: 0 });
    bucket.tokens = Math.min(BURST, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * PER_SECOND);
    bucket.atMs = nowMs;
    return bucket;
  }
}

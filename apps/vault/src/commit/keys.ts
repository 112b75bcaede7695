// SPDX-License-Identifier: Apache-2.0
import { Failed } from '@strongroom/bytes';
import type { Clock } from '../clock.ts';

/** What the vault asks of the HSM. Every call may fail with `Failed` while the HSM is away, and may be tried again. */
export interface SealingKeys {
  /** Ed25519 over the text of a checkpoint, by this key of the log (SubjectPublicKeyInfo, DER): 64 octets. */
  signCheckpoint(text: Buffer, spki: Buffer): Promise<Buffer>;
  /** The id of the wrapping key of a class and bucket, none of `except`, made when it is new. */
  ensureWrappingKey(retentionClass: string, bucket: string, except?: readonly string[]): Promise<string>;
  wrap(keyId: string, dataKey: Buffer, context: Buffer): Promise<{ iv: Buffer; ciphertext: Buffer; tag: Buffer }>;
}

export interface Patience {
  readonly clock: Clock;
  /** The first failure of a series. */
  readonly onAway: (error: Failed) => void;
  readonly onBack: (awayMs: number) => void;
  /** Waiting ends with this: the call then fails. */
  readonly stop: AbortSignal;
}

/** An HSM that says nothing for so long is away, though its answer is still waited for. */
const SILENT_MS = 5000;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 1000;

type Calls<T> = { readonly [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => Promise<R> : never };

/** Asks again until the HSM answers: while it is away nothing is sealed or acknowledged, and nothing is lost. */
export function patiently<T extends Calls<T>>(keys: T, patience: Patience): T {
  const entries = Object.entries(keys) as [string, (...args: unknown[]) => Promise<unknown>][];
  return Object.fromEntries(entries.map(([name, call]) => [name, (...args: unknown[]) => untilAnswered(() => call(...args), patience)])) as unknown as T;
}

async function untilAnswered<T>(call: () => Promise<T>, { clock, onAway, onBack, stop }: Patience): Promise<T> {
  let awaySince: number | undefined;
  const away = (error: Failed): void => {
    if (awaySince === undefined) onAway(error);
    awaySince ??= clock.nowMs();
  };
  const heard = clock.after(SILENT_MS, () => away(new Failed('keys.silent', 'the key service does not answer', { why: `nothing came for ${SILENT_MS} ms`, fix: 'look at the HSM, and at the events of keys' })));
  try {
    const answer = await retried(call, away, clock, stop);
    if (awaySince !== undefined) onBack(clock.nowMs() - awaySince);
    return answer;
  } finally {
    heard();
  }
}

async function retried<T>(call: () => Promise<T>, away: (error: Failed) => void, clock: Clock, stop: AbortSignal): Promise<T> {
  for (let retryMs = RETRY_MS_MIN; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Failed) || stop.aborted) throw error;
      away(error);
      await clock.sleep(retryMs, stop);
    }
  }
}

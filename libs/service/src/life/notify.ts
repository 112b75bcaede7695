// SPDX-License-Identifier: Apache-2.0
// Readiness, status and watchdog towards systemd; nothing without NOTIFY_SOCKET. The package systemd-notify tells the first
// two, and what it has no words for goes by the same binary, systemd's own. The unit needs NotifyAccess=all, because the
// binary speaks in our place. It waits until systemd has taken its word (sd_notify_barrier), so systemd still finds
// whose it was: never give it --no-block.
import { execFile } from 'node:child_process';

/** What the binary itself allows systemd to take its word. */
const TIMEOUT_MS = 5000;

export interface Notifier {
  /** Half of what the watchdog allows, or null when there is none. */
  readonly watchdogMs: number | null;
  ready(status: string): void;
  status(text: string): void;
  /** Feeds the watchdog: call it only while work is really being done. */
  alive(): void;
  stopping(): void;
}

/** How we stand, as the package takes it. */
export interface UnitStatus {
  readonly ready?: true;
  readonly status: string;
}

/** Both ways to the socket; they may reject, and nobody minds. */
export interface NotifyWays {
  tell(standing: UnitStatus): Promise<unknown>;
  say(word: 'WATCHDOG=1' | 'STOPPING=1'): Promise<unknown>;
}

/** `ways` is there for callers that have others to the socket. */
export function notifier(environment: NodeJS.ProcessEnv = process.env, ways: NotifyWays = { tell: byPackage, say: byBinary }): Notifier {
  const active = (environment['NOTIFY_SOCKET'] ?? '') !== '';
  const usec = Number(environment['WATCHDOG_USEC'] ?? 0);
  const tell = inOrder((standing: UnitStatus) => ways.tell(standing), (before, after) => (before.ready === true ? { ...after, ready: true as const } : after));
  const alive = inOrder(() => ways.say('WATCHDOG=1'), () => undefined);
  return {
    watchdogMs: active && usec > 0 ? Math.max(100, Math.floor(usec / 2000)) : null,
    ready: (status) => { if (active) tell({ ready: true, status: oneLine(status) }); },
    status: (text) => { if (active) tell({ status: oneLine(text) }); },
    alive: () => { if (active) alive(undefined); },
    stopping: () => { if (active) void ways.say('STOPPING=1').catch(() => undefined); },
  };
}

/**
 * Feeds the watchdog as often as it wants, while what must advance has not stood still for as long as that. Undefined
 * where nobody watches.
 */
export function watchdog(notify: Notifier, standstillMs: () => number): NodeJS.Timeout | undefined {
  const { watchdogMs } = notify;
  if (watchdogMs === null) return undefined;
  return setInterval(() => { if (standstillMs() < watchdogMs) notify.alive(); }, watchdogMs / 2).unref();
}

/**
 * One at a time, so that an older word never comes after a newer one; of those that wait, what `merge` makes of them. A
 * systemd that takes nothing any more costs one process, however much is told.
 */
function inOrder<Word>(act: (word: Word) => Promise<unknown>, merge: (before: Word, after: Word) => Word): (word: Word) => void {
  let [isBusy, waiting]: [boolean, { readonly word: Word } | null] = [false, null];
  const next = async (): Promise<void> => {
    isBusy = true;
    for (; waiting !== null;) {
      const { word } = waiting;
      waiting = null;
      await act(word).catch(() => undefined);
    }
    isBusy = false;
  };
  return (word) => {
    waiting = { word: waiting === null ? word : merge(waiting.word, word) };
    if (!isBusy) void next();
  };
}

function oneLine(text: string): string {
  return text.replaceAll('\n', ' ');
}

/** Loaded when first used: without systemd it costs nothing. */
async function byPackage(standing: UnitStatus): Promise<void> {
  const { default: tell } = await import('systemd-notify');
  await tell(standing);
}

function byBinary(word: string): Promise<void> {
  return new Promise((resolve) => { execFile('systemd-notify', [word], { timeout: TIMEOUT_MS }, () => resolve()); });
}

// SPDX-License-Identifier: Apache-2.0
// Readiness, status and watchdog towards systemd, by its own `systemd-notify`; nothing without NOTIFY_SOCKET. The unit
// needs NotifyAccess=exec or all, because the binary speaks in our place.
import { execFile } from 'node:child_process';

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

/** `send` gets `systemd-notify` arguments; it is there for callers that have another way to the socket. */
export function notifier(environment: NodeJS.ProcessEnv = process.env, send: (words: readonly string[]) => void = run): Notifier {
  const active = (environment['NOTIFY_SOCKET'] ?? '') !== '';
  const usec = Number(environment['WATCHDOG_USEC'] ?? 0);
  const tell = (...words: string[]): void => { if (active) send(words); };
  return {
    watchdogMs: active && usec > 0 ? Math.max(100, Math.floor(usec / 2000)) : null,
    ready: (status) => tell('READY=1', `STATUS=${oneLine(status)}`, `MAINPID=${process.pid}`),
    status: (text) => tell(`STATUS=${oneLine(text)}`),
    alive: () => tell('WATCHDOG=1'),
    stopping: () => tell('STOPPING=1'),
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

function oneLine(text: string): string {
  return text.replaceAll('\n', ' ');
}

function run(words: readonly string[]): void {
  execFile('systemd-notify', [...words], { timeout: TIMEOUT_MS }, () => undefined);
}

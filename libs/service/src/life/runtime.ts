// SPDX-License-Identifier: Apache-2.0
// The life of a service under the supervisor: start, run, stop in order.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { eventLine, errorFields, makeEvent } from '../facts/events.ts';
import type { StartMessage, ToService } from '../facts/messages.ts';
import type { ServiceName } from '../files/layout.ts';
import { createContext, type ServiceContext, type ServiceLife } from './context.ts';
import { exitCodeFor, EXIT } from './exit.ts';
import { joinSupervisor } from './join.ts';

/** Without its supervisor a service waits so long for those that stop before it, and then has so long to stop in order. */
const ORPHAN_PATIENCE_MS = 15_000;
const ORPHAN_POLL_MS = 20;
const ORPHAN_STOP_MS = 10_000;

/**
 * Runs a service's `main` between the supervisor's `start` and `stop`. `main` resolves when it has stopped, which it
 * does once `context.stop` is aborted: by the `stop` message, SIGTERM, or the loss of the IPC channel. Exit codes:
 * 0 stopped in order; when `main` rejects, 78 for `Refused`, 75 for `Failed`, else 1. Errors are printed as events.
 */
export function runService(name: ServiceName, main: (context: ServiceContext) => Promise<void>): void {
  const join = process.env['STRONGROOM_JOIN'] ?? '';
  if (process.send === undefined && join !== '') {
    // systemd started us. A stop that comes while nobody was joined yet ends us, as it does any program.
    void joinSupervisor(join).then(() => serve(name, main));
    return;
  }
  serve(name, main);
}

function serve(name: ServiceName, main: (context: ServiceContext) => Promise<void>): void {
  if (process.send === undefined) {
    process.stderr.write([
      `strongroom: apps/${name} does not run by itself`,
      '  why: it is a service, started and ordered by the supervisor',
      '  do:  npm start\n',
    ].join('\n'));
    process.exit(EXIT.configuration);
  }
  // Ctrl-C and a closed terminal reach the whole session; the order of stopping is the supervisor's.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('uncaughtException', (error) => end(name, 'service.uncaught', error, EXIT.bug));
  process.on('unhandledRejection', (error) => end(name, 'service.uncaught', error, EXIT.bug));
  process.once('disconnect', leaveEarly);
  process.once('SIGTERM', leaveEarly);
  const awaitStart = (message: ToService): void => {
    if (message.kind === 'stop') leaveEarly();
    if (message.kind !== 'start') return;
    process.off('message', awaitStart);
    for (const event of ['disconnect', 'SIGTERM'] as const) process.off(event, leaveEarly);
    void live(name, message, main);
  };
  process.on('message', awaitStart);
}

async function live(name: ServiceName, start: StartMessage, main: (context: ServiceContext) => Promise<void>): Promise<void> {
  const life = createContext(name, start);
  let before: readonly number[] = [];
  process.on('message', (message: ToService) => { if (message.kind === 'before') before = message.pids; });
  process.once('disconnect', () => { void stopAsOrphan(name, life, before); });
  process.once('SIGTERM', () => life.stop('SIGTERM'));
  try {
    await main(life.context);
    life.close();
    process.exit(EXIT.stopped);
  } catch (error) {
    end(name, 'service.failed', error, exitCodeFor(error));
  }
}

/** Nobody is left to end us when what we wait for, such as an answer of the vault, never comes: so it is bounded. */
async function stopAsOrphan(name: ServiceName, life: ServiceLife, before: readonly number[]): Promise<void> {
  await allGone(before);
  life.stop('the supervisor is gone');
  await delay(ORPHAN_STOP_MS, undefined, { ref: false });
  const late = new Failed('service.orphan', 'it did not stop in time without its supervisor', { why: `${ORPHAN_STOP_MS} ms are allowed` });
  end(name, 'service.failed', late, EXIT.restart);
}

/** Resolves when none of the processes lives, or after a while: who serves them stops after them. */
async function allGone(pids: readonly number[]): Promise<void> {
  const deadline = Date.now() + ORPHAN_PATIENCE_MS;
  while (pids.some(isAlive) && Date.now() < deadline) await delay(ORPHAN_POLL_MS);
}

/** A zombie, which nobody has waited for yet, does nothing any more. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

function leaveEarly(): never {
  process.exit(EXIT.stopped);
}

/** Prints why and leaves at once: nothing after an unexpected error may be acknowledged any more. */
function end(name: ServiceName, event: string, error: unknown, code: number): void {
  const made = makeEvent(name, event, 'error', errorFields(error));
  process.stdout.write(eventLine(made), () => process.exit(code));
  // A supervisor that is gone or stuck does not take the line; the exit must not wait for it.
  setTimeout(() => process.exit(code), 500).unref();
  process.exitCode = code;
}

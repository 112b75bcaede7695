// SPDX-License-Identifier: Apache-2.0
// The life of a service under the supervisor: start, run, stop in order.
import { eventLine, errorFields, makeEvent } from './events.ts';
import { exitCodeFor, EXIT } from './exit.ts';
import type { ServiceName } from './layout.ts';
import type { StartMessage, ToService } from './messages.ts';
import { createContext, type ServiceContext } from './context.ts';

/**
 * Runs a service's `main` between the supervisor's `start` and `stop`. `main` resolves when it has stopped, which it
 * does once `context.stop` is aborted: by the `stop` message, SIGTERM, or the loss of the IPC channel. Exit codes:
 * 0 stopped in order; when `main` rejects, 78 for `Refused`, 75 for `Failed`, else 1. Errors are printed as events.
 */
export function runService(name: ServiceName, main: (context: ServiceContext) => Promise<void>): void {
  if (process.send === undefined) {
    process.stderr.write(`apps/${name} is a service of Strongroom and does not run by itself.\nIt is started and ordered by the supervisor.\nStart everything with "npm start".\n`);
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
    for (const [event, listener] of [['message', awaitStart], ['disconnect', leaveEarly], ['SIGTERM', leaveEarly]] as const) process.off(event, listener);
    void live(name, message, main);
  };
  process.on('message', awaitStart);
}

async function live(name: ServiceName, start: StartMessage, main: (context: ServiceContext) => Promise<void>): Promise<void> {
  const life = createContext(name, start);
  process.once('disconnect', () => life.stop('the supervisor is gone'));
  process.once('SIGTERM', () => life.stop('SIGTERM'));
  try {
    await main(life.context);
    life.close();
    process.exit(EXIT.stopped);
  } catch (error) {
    end(name, 'service.failed', error, exitCodeFor(error));
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

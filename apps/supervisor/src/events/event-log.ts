// SPDX-License-Identifier: Apache-2.0
// Where events of services go: all into a bounded file, warnings and errors also to the terminal.
import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs';
import { eventLine, type ServiceEvent } from '@strongroom/service';

const FILE_BYTES_MAX = 16 * 1024 * 1024;
/** What may wait for the disk; more is dropped from this file (what matters is sealed by the services themselves). */
const WAITING_BYTES_MAX = 1024 * 1024;
/** Lines of one kind on the terminal in a window; further ones are counted. */
const LINES_MAX = 5;
const WINDOW_MS = 10_000;

export class EventLog {
  readonly #path: string;
  readonly #print: (line: string) => void;
  #file: WriteStream;
  #bytes: number;
  readonly #shown = new Map<string, number>();
  #windowEndsMs = 0;

  constructor(path: string, print: (line: string) => void = (line) => process.stderr.write(line)) {
    this.#path = path;
    this.#print = print;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.#file = open(path);
  }

  add(event: ServiceEvent): void {
    this.#keep(eventLine(event));
    if (event.level !== 'info') this.#show(event);
  }

  close(): Promise<void> {
    this.#closeWindow(Number.POSITIVE_INFINITY);
    return new Promise((resolve) => { this.#file.end(() => resolve()); });
  }

  #keep(line: string): void {
    if (this.#file.writableLength > WAITING_BYTES_MAX) return;
    if (this.#bytes + line.length > FILE_BYTES_MAX) this.#rotate();
    this.#bytes += Buffer.byteLength(line);
    this.#file.write(line);
  }

  #rotate(): void {
    this.#file.end();
    renameSync(this.#path, `${this.#path}.1`);
    this.#file = open(this.#path);
    this.#bytes = 0;
  }

  #show(event: ServiceEvent): void {
    this.#closeWindow(Date.now());
    const kind = `${event.service} ${event.event}`;
    const count = (this.#shown.get(kind) ?? 0) + 1;
    this.#shown.set(kind, count);
    if (count <= LINES_MAX) this.#print(`${terminalLine(event)}\n`);
  }

  #closeWindow(nowMs: number): void {
    if (nowMs < this.#windowEndsMs) return;
    for (const [kind, count] of this.#shown) {
      if (count > LINES_MAX) this.#print(`${kind}: ${count - LINES_MAX} more in the last ${WINDOW_MS / 1000} s\n`);
    }
    this.#shown.clear();
    this.#windowEndsMs = nowMs + WINDOW_MS;
  }
}

function open(path: string): WriteStream {
  // The file is a convenience: a full disk must not end the supervisor.
  return createWriteStream(path, { flags: 'a', mode: 0o640 }).on('error', () => undefined);
}

/** One line for a person: time, level, service, event, fields. What came from a peer cannot move the cursor. */
export function terminalLine({ time, level, service, event, fields }: ServiceEvent): string {
  const shown = Object.entries(fields).filter(([name]) => name !== 'stack');
  const facts = shown.map(([name, value]) => `${name}=${typeof value === 'string' ? JSON.stringify(value) : value}`);
  // oxlint-disable-next-line no-control-regex -- control characters are what shall not reach the terminal
  return [time.slice(11, 19), level, service, event, ...facts].join(' ').replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

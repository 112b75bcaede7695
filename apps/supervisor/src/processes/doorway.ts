// SPDX-License-Identifier: Apache-2.0
// Where systemd starts the services, each joins us at a socket of its own, which only its group may use; what is said
// there is what is said to a process that we started. Its end is known by the end of the connection, and not its exit code.
import { EventEmitter } from 'node:events';
import { chmodSync, chownSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { JOIN_LINE_BYTES_MAX, LineSplitter, type Hello, type Layout, type Separation, type ServiceName, type ToService } from '@strongroom/service';

/** Each service has a unit of its own (appliance/units), and joins us. */
export function startedBySystemd(): boolean {
  return process.env['STRONGROOM_UNITS'] === '1';
}

/** What a child's process is to us: one that we started, or one that joined. */
export interface ServiceProcess extends EventEmitter {
  readonly pid?: number | undefined;
  readonly connected: boolean;
  send(message: ToService, done: () => void): boolean;
  kill(signal: NodeJS.Signals): boolean;
}

/** A process of a service: awaited, then joined (`joined`), then gone (`exit`). */
export class JoinedProcess extends EventEmitter implements ServiceProcess {
  pid: number | undefined;
  connected = false;
  #socket: Socket | undefined;
  #gid: number | null = null;

  join(socket: Socket, pid: number, gid: number | null): void {
    this.#socket = socket;
    this.#gid = gid;
    this.pid = pid;
    this.connected = true;
    socket.once('close', () => {
      this.connected = false;
      this.emit('exit', null, null);
    });
    this.emit('joined');
  }

  send(message: ToService, done: () => void): boolean {
    return this.#socket!.write(`${JSON.stringify(message)}\n`, done);
  }

  kill(signal: NodeJS.Signals): boolean {
    return this.pid !== undefined && this.connected && isOf(this.pid, this.#gid) && process.kill(this.pid, signal);
  }
}

export class Doorway {
  readonly #server: Server;
  readonly #path: string;
  readonly #gid: number | null;
  /** Joined before it was awaited. */
  #early: { readonly socket: Socket; readonly pid: number }[] = [];
  #awaited: JoinedProcess | undefined;

  /** Opens at once; `gid` is whose group may join, null for us alone. */
  constructor(path: string, gid: number | null) {
    this.#path = path;
    this.#gid = gid;
    rmSync(path, { force: true });
    this.#server = createServer((socket) => this.#greet(socket));
    this.#server.listen(path, () => {
      if (gid !== null) chownSync(path, 0, gid);
      chmodSync(path, gid === null ? 0o600 : 0o660);
    });
  }

  /** The process that joins next; the one before must have ended. */
  next(): JoinedProcess {
    const awaited = new JoinedProcess();
    const early = this.#early.shift();
    if (early === undefined) this.#awaited = awaited;
    else setImmediate(() => this.#hand(awaited, early.socket, early.pid)); // once it is listened to
    return awaited;
  }

  close(): void {
    this.#server.close();
    rmSync(this.#path, { force: true });
  }

  #greet(socket: Socket): void {
    const lines = new LineSplitter(JOIN_LINE_BYTES_MAX);
    socket.on('error', () => socket.destroy());
    const greeted = (line: string): void => {
      const { kind, pid } = JSON.parse(line) as Hello;
      if (kind !== 'hello' || !isOf(pid, this.#gid)) return void socket.destroy();
      const awaited = this.#awaited;
      this.#awaited = undefined;
      if (awaited !== undefined) return this.#hand(awaited, socket, pid);
      const early = { socket, pid };
      this.#early.push(early);
      socket.once('close', () => { this.#early = this.#early.filter((one) => one !== early); });
    };
    let take = (line: string): void => {
      take = (next) => socket.emit('message', JSON.parse(next));
      greeted(line);
    };
    socket.on('data', (chunk: Buffer) => {
      try {
        lines.push(chunk, (line) => take(line));
      } catch {
        socket.destroy();
      }
    });
  }

  #hand(awaited: JoinedProcess, socket: Socket, pid: number): void {
    socket.on('message', (message) => awaited.emit('message', message));
    awaited.join(socket, pid, this.#gid);
  }
}

/**
 * Whether a process is one of that group's, or where it is null, of our own user. A process id is only what somebody says, and what
 * joined may end while another holds its connection: nobody shall have root signal a process that is not theirs.
 */
function isOf(pid: number, gid: number | null): boolean {
  if (!Number.isSafeInteger(pid) || pid < 2) return false;
  try {
    const id = (what: 'Uid' | 'Gid'): number => Number(new RegExp(`^${what}:\\t(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    return gid === null ? id('Uid') === process.getuid!() : id('Gid') === gid;
  } catch {
    return false;
  }
}

/** All of them, for services that systemd starts. A socket there says to a unit that its service is wanted. */
export class Doorways {
  readonly #paths: Layout;
  readonly #groups: Separation['groups'];
  readonly #open: Doorway[] = [];

  constructor(paths: Layout, groups: Separation['groups']) {
    this.#paths = paths;
    this.#groups = groups;
    const directory = dirname(paths.joinSocket('keys', 0));
    for (const name of readdirSync(directory)) rmSync(join(directory, name), { force: true });
  }

  open(service: ServiceName, index: number): Doorway {
    const door = new Doorway(this.#paths.joinSocket(service, index), this.#groups?.[service] ?? null);
    this.#open.push(door);
    return door;
  }

  close(): void {
    for (const door of this.#open) door.close();
  }
}

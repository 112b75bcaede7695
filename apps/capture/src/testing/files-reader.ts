// SPDX-License-Identifier: Apache-2.0
// For tests: strongroom-files as set-up built it, and a life of capture that takes what it says and keeps it in memory.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_KEY } from '@strongroom/evidence';
import { Feed } from '../feed.ts';
import { FilesOrigin } from '../files/origin.ts';
import { ReaderLine } from '../reader/line.ts';
import { LocalStream } from '../stream.ts';
import { decodeToken, type Position } from '../token.ts';
import { SealedLine } from './sealed-line.ts';

const PROGRAM = join(import.meta.dirname, '../../../../node_modules/.strongroom-native/strongroom-files');
const BOOT = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
const POLL_MS = 20;

/** Why it cannot run here, or false. */
export function filesReaderMissing(): string | false {
  if (process.getuid?.() !== 0) return 'the marks of fanotify take root';
  return existsSync(PROGRAM) ? false : 'strongroom-files is not built (tools/setup/setup.sh)';
}

export class FilesReader {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  output = '';

  /** `before`: what it is started by, such as setpriv with its arguments. */
  constructor(args: readonly string[], before: readonly string[] = []) {
    const [file, ...rest] = [...before, PROGRAM, ...args];
    this.#child = spawn(file!, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => { this.output += text; });
    this.ended = once(this.#child, 'exit').then(([code]) => code as number | null);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    return this.ended;
  }
}

export type FileRecord = Readonly<Record<string, unknown>> & { readonly type: string; readonly before?: FileRecord | null; readonly after?: FileRecord | null };

/** A life of capture as far as files go. */
export class FilesLife {
  readonly line = new SealedLine();
  readonly feed: Feed;
  readonly origin: FilesOrigin;
  readonly server: ReaderLine;
  readonly path: string;
  /** It takes what comes, and seals nothing of it, as one that is killed. */
  dead = false;
  readonly #records: FileRecord[] = [];
  /** So many submissions are in it. */
  #read = 0;
  #seals = false;

  constructor(path: string, last: Position = { boot: BOOT, kmsg: null, audit: null, cursor: null }) {
    this.path = path;
    this.feed = new Feed(this.line, last, () => assert.fail('denied'));
    const stream = new LocalStream({ id: 'spiffe://test/service/capture', keyHash: NO_KEY }, 'files', () => undefined);
    this.origin = new FilesOrigin({ feed: this.feed, stream, say: () => undefined, recordBytesMax: 262_144 });
    this.server = new ReaderLine(path, {
      frame: (kind, payload) => {
        if (this.dead) return;
        this.origin.frame(kind, payload);
        if (!this.#seals) setImmediate(() => this.#seal());
        this.#seals = true;
      },
      ready: () => Promise.resolve(),
      gone: (why, refused) => {
        assert.equal(refused, null);
        if (!this.dead) this.origin.end(why);
      },
      second: () => assert.fail('a second reader'),
    });
  }

  #seal(): void {
    this.#seals = false;
    if (!this.dead) void this.feed.drain();
  }

  /** What the vault holds of the position. */
  get committed(): Position {
    return decodeToken(this.line.token)!;
  }

  get records(): readonly FileRecord[] {
    const { submissions } = this.line;
    const fresh = new SealedLine();
    fresh.submissions.push(...submissions.slice(this.#read));
    this.#read = submissions.length;
    this.#records.push(...fresh.texts('files').map((text) => JSON.parse(text) as FileRecord));
    return this.#records;
  }

  get differences(): FileRecord[] {
    return this.records.filter(({ type }) => type !== 'scan' && type !== 'executable');
  }

  get scans(): FileRecord[] {
    return this.records.filter(({ type }) => type === 'scan');
  }

  of(path: string): FileRecord[] {
    return this.differences.filter((record) => record['path'] === path);
  }

  told(name: string): Readonly<Record<string, unknown>>[] {
    return this.line.events().filter(({ event }) => event === name).map(({ fields }) => fields);
  }

  async until<T>(wanted: () => T | undefined | false, what: string): Promise<T> {
    for (let round = 0; ; round += 1) {
      const found = wanted();
      if (found !== undefined && found !== false) return found;
      assert.ok(round < 6000, `${what} did not come; there is\n${this.line.texts('files').slice(-40).join('\n')}`);
      await delay(POLL_MS);
    }
  }

  balance(): void {
    this.origin.seal();
    void this.feed.drain();
    const { produced, received, sealed, denied, waiting, lost } = this.told('files.ledger').at(-1) as Record<string, number>;
    assert.deepEqual([produced, received], [received! + lost!, sealed! + denied! + waiting!]);
    assert.equal(received, this.records.length);
  }
}

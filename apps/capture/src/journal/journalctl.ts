// SPDX-License-Identifier: Apache-2.0
// systemd's own reader as a child process: the journal's file format is private to systemd, its JSON output is not.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { JournalLine, JournalLines } from './lines.ts';

const COMMAND = 'journalctl';
/** `--merge`, or `--follow` would show the newest boot alone, whatever cursor it is given. */
const ALWAYS = ['--merge', '--output=json', '--all', '--no-pager'];
/** `--no-tail`, or `--follow` would begin ten entries before the end. */
const FOLLOWING = ['--follow', '--no-tail'];
const COMPLAINT_CHARACTERS_MAX = 1000;

export interface Ended {
  /** The command is not there. */
  readonly absent: boolean;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to its standard error, at most 1,000 characters. */
  readonly complaint: string;
}

export class Journalctl {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #complaint = '';

  /** Starts it with selecting arguments such as `--directory=…`; it is ended when `stop` is aborted. */
  constructor(selection: readonly string[], follow: boolean, stop: AbortSignal) {
    const options = [...ALWAYS, ...(follow ? FOLLOWING : []), ...selection];
    this.#child = spawn(COMMAND, options, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
    // Without descriptors left there is no pipe either, and `ended` says so.
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(0, COMPLAINT_CHARACTERS_MAX);
    });
    const end = (): void => this.end();
    stop.addEventListener('abort', end, { once: true });
    this.ended = this.#wait().finally(() => stop.removeEventListener('abort', end));
    if (stop.aborted) this.end();
  }

  /** What it complained of so far. */
  get complaint(): string {
    return this.#complaint.trim();
  }

  /** Lines as they come, by chunk of output; nothing is read ahead of the caller but the pipe's own buffer. */
  async *lines(cut: JournalLines): AsyncGenerator<JournalLine[]> {
    try {
      for await (const chunk of this.#child.stdout ?? []) yield cut.push(chunk as Buffer);
    } finally {
      this.end();
    }
  }

  end(): void {
    this.#child.kill('SIGTERM');
  }

  async #wait(): Promise<Ended> {
    const facts = { absent: false, code: null, signal: null };
    try {
      const [code, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null];
      return { ...facts, code, signal, complaint: this.complaint };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { ...facts, absent: code === 'ENOENT' || code === 'EACCES', complaint: message };
    }
  }
}

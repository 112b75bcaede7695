// SPDX-License-Identifier: Apache-2.0
// Asks chronyd through one chronyc that stays, which only reads: none of the commands here changes anything. To start one for each
// look would cost more than all else that is done in it.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { Failed } from '@strongroom/bytes';
import { parseReport, type ChronyReport } from './chronyc.ts';

export interface ChronyPlace {
  /** chronyc. */
  readonly program: string;
  /** chronyd's address, or the path of its socket. */
  readonly address: string;
  readonly port: number;
}

type Chronyc = ChildProcessByStdio<Writable, Readable, null>;

const OPEN_REPORTS = ['tracking', 'sources', 'sourcestats'];
/** chronyd tells these over its socket only. */
const SOCKET_REPORTS = ['selectdata', 'authdata'];
/** Is answered by one line of five numbers, as nothing else is: with it all has been said. */
const LAST = 'activity';
const LAST_LINE = /^\d+(?:,\d+){4}\n/m;
/** chronyc's words for a chronyd that does not answer, or that is another one than it found when it began. */
const NO_ANSWER = /^(?:506 |Could not open connection).*/m;
/** For one look, however often it has to begin anew. An anchor lives longer. */
const PATIENCE_MS = 5000;
/** chronyc takes its socket away when it has nothing more to read; one that hangs is ended. */
const LEAVE_MS = 1000;
const OUTPUT_CHARACTERS_MAX = 1 << 20;

/** One question at a time. */
export class ChronyLine {
  readonly #place: ChronyPlace;
  readonly #patienceMs: number;
  #chronyc: Chronyc | undefined;
  #giveUp: (() => void) | undefined;
  #isClosed = false;

  constructor(place: ChronyPlace, patienceMs = PATIENCE_MS) {
    this.#place = place;
    this.#patienceMs = patienceMs;
  }

  /** One report of all. Rejects with `Failed`: `chrony.away`, `chrony.absent`; and `Refused('chrony.*')` for what cannot be read. */
  async ask(): Promise<ChronyReport> {
    const untilMs = performance.now() + this.#patienceMs;
    const wasThere = this.#chronyc !== undefined;
    try {
      return await this.#report(untilMs);
    } catch (error) {
      if (!wasThere || this.#isClosed || !(error instanceof Failed) || performance.now() >= untilMs) throw error;
      // chronyd may have been started again: a chronyc that begins now finds it.
      return await this.#report(untilMs);
    }
  }

  /** For good: what is being asked fails. */
  close(): void {
    this.#isClosed = true;
    this.#giveUp?.();
    this.#leave();
  }

  /** A chronyc that failed once is not asked again: what it says late would be taken for the next answer. */
  async #report(untilMs: number): Promise<ChronyReport> {
    try {
      const report = parseReport(await this.#said(untilMs));
      if (report.tracking === null) throw this.#away('it told nothing of its tracking');
      return report;
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  #leave(): void {
    const chronyc = this.#chronyc;
    if (chronyc === undefined) return;
    this.#chronyc = undefined;
    chronyc.stdin.end();
    const timer = setTimeout(() => {
      chronyc.kill('SIGKILL');
      chronyc.stdout.destroy();
    }, LEAVE_MS).unref();
    chronyc.once('close', () => clearTimeout(timer));
  }

  #said(untilMs: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const chronyc = this.#chronyc ??= this.#start();
    let text = '';
    const onData = (part: string): void => {
      text += part;
      if (text.length > OUTPUT_CHARACTERS_MAX) return reject(this.#away('it says more than any chronyd has to say'));
      const [failed] = NO_ANSWER.exec(text) ?? [];
      if (failed !== undefined) return reject(this.#away(failed));
      if (LAST_LINE.test(text)) resolve(text.replace(LAST_LINE, ''));
    };
    const onError = (error: NodeJS.ErrnoException): void => reject(isMissing(error) ? this.#absent(error.code!) : this.#away(error.message));
    const onEnd = (): void => reject(this.#away('chronyc ended'));
    this.#giveUp = () => reject(this.#away('skew-guard ends'));
    const timer = setTimeout(() => reject(this.#away(`it did not say all within ${this.#patienceMs / 1000} s`)), untilMs - performance.now());
    chronyc.stdout.on('data', onData);
    chronyc.once('error', onError).once('close', onEnd);
    chronyc.stdin.write(`${[...OPEN_REPORTS, ...(this.#place.address.startsWith('/') ? SOCKET_REPORTS : []), LAST].join('\n')}\n`);
    return promise.finally(() => {
      clearTimeout(timer);
      chronyc.stdout.off('data', onData);
      chronyc.off('error', onError).off('close', onEnd);
    });
  }

  #start(): Chronyc {
    const { program, address, port } = this.#place;
    const args = ['-c', '-N', '-h', address, ...(address.startsWith('/') ? [] : ['-p', String(port)])];
    const chronyc = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: process.env['PATH'], LC_ALL: 'C' } });
    // One that ends between two questions is not waited for.
    chronyc.on('error', () => undefined).once('close', () => { if (this.#chronyc === chronyc) this.#chronyc = undefined; });
    if ((chronyc.stdout as Readable | undefined) === undefined) throw this.#away('no file descriptor is left to ask it by');
    chronyc.stdout.setEncoding('utf8');
    chronyc.stdin.on('error', () => undefined); // its end is told by itself
    return chronyc;
  }

  #away(why: string): Failed {
    return new Failed('chrony.away', `chronyd does not answer at ${this.#place.address}`, { why, fix: 'start chronyd, or set clock.chrony to where it listens' });
  }

  #absent(code: string): Failed {
    return new Failed('chrony.absent', 'chronyc is not installed here', { why: `${this.#place.program}: ${code}`, fix: 'apt-get install chrony, or set clock.chrony.enabled to false' });
  }
}

/** Not to be found, or not where this service may look. */
function isMissing({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'EACCES';
}

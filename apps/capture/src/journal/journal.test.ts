// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FLAG, KIND, NO_KEY } from '@strongroom/evidence';
import type { Fields } from '@strongroom/service';
import { Journald, journaldMissing } from '@strongroom/testing';
import type { EventName } from '../events.ts';
import { Feed } from '../feed.ts';
import { Journal } from './journal.ts';
import { LocalStream } from '../stream.ts';
import { SealedLine } from '../testing/sealed-line.ts';
import { decodeToken, type Position } from '../token.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-journal-'));
const running: Journald[] = [];
after(async () => {
  for (const journald of running) await journald.stop('SIGKILL');
  rmSync(root, { recursive: true });
});
let homes = 0;

function journal(): Journald {
  const journald = new Journald(join(root, String((homes += 1))));
  running.push(journald);
  return journald;
}

const numbered = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `line ${from + i}`);

/** One vault over many lives of the journal's reader. */
class Lives {
  readonly line = new SealedLine();
  readonly said: { event: EventName; fields: Fields | undefined }[] = [];
  readonly boot: string;
  readonly directory: string | undefined;
  readonly #recordBytesMax: number;

  constructor(boot: string, directory?: string, recordBytesMax = 262_144) {
    [this.boot, this.directory, this.#recordBytesMax] = [boot, directory, recordBytesMax];
  }

  /** What services wrote, in the order in which it was sealed. */
  get written(): string[] {
    return this.line.texts('journal').map((text) => JSON.parse(text) as Record<string, string>)
      .filter((entry) => entry['SYSLOG_IDENTIFIER'] === 'strongroom-test').map((entry) => entry['MESSAGE']!);
  }

  /** Begins a life behind the last token. The function ends it. */
  begin(): () => Promise<void> {
    const begin: Position = { boot: this.boot, kmsg: null, audit: null, cursor: null };
    const feed = new Feed(this.line, decodeToken(this.line.token) ?? begin, () => assert.fail('denied'));
    const stream = new LocalStream({ id: 'spiffe://test/service/capture', keyHash: NO_KEY }, 'journal', () => undefined);
    const stopping = new AbortController();
    const say = (event: EventName, fields?: Fields): void => { this.said.push({ event, fields }); };
    const host = { boot: this.boot, kernel: '6', hostname: 'test', machine: readFileSync('/etc/machine-id', 'latin1').trim() };
    const over = new Journal({ directory: this.directory, host, feed, stream, say, recordBytesMax: this.#recordBytesMax }).run(stopping.signal);
    return async () => {
      stopping.abort();
      await over;
      await feed.drain();
    };
  }

  /** A life that ends as soon as so many lines are sealed in all. */
  async until(count: number): Promise<void> {
    const end = this.begin();
    while (this.written.length < count) await delay(5);
    await end();
  }
}

/** A journal of so many lines, and a life that has taken all of them and goes on. */
async function followed(count: number) {
  const journald = journal();
  await journald.start();
  await journald.write(numbered(0, count));
  const lives = new Lives(journald.boot, journald.directory);
  const end = lives.begin();
  while (lives.written.length < count) await delay(5);
  return { journald, lives, end };
}

/** Process ids of our children of that name. */
function children(name: string): number[] {
  const pids = readdirSync('/proc/self/task').flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'latin1').split(' '));
  return pids.filter((pid) => pid !== '' && commandOf(pid) === name).map(Number);
}

function commandOf(pid: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return null; // it has just ended
  }
}

async function withPath<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = process.env['PATH'];
  process.env['PATH'] = path;
  try {
    return await work();
  } finally {
    process.env['PATH'] = before;
  }
}

describe('the journal', { skip: journaldMissing() ?? false }, () => {
  it('is taken from its beginning in a directory that was named, and followed', async () => {
    const { journald, lives, end } = await followed(500);
    await journald.write(numbered(500, 500));
    while (lives.written.length < 1000) await delay(5);
    await end();
    assert.deepEqual(lives.written, numbered(0, 1000));
    assert.deepEqual(lives.said, []);
    for (const { run, raw } of lives.line.records()) {
      assert.deepEqual([run.kind, run.flags, run.protocol], [KIND.data, 0, 'journal']);
      assert.ok(!raw.includes('\n'));
    }
    await journald.stop();
  });

  it('gives every entry once and in order over many lives, rotations and restarts of journald', async () => {
    const journald = journal();
    await journald.start();
    const lives = new Lives(journald.boot, journald.directory);
    for (let round = 0; round < 12; round += 1) {
      // Many lines at once share one time; equal ones besides are told apart by their numbers alone.
      const writing = journald.write([...numbered(round * 100, 50), ...Array.from({ length: 50 }, () => `round ${round}`)]);
      await lives.until(round * 100 + 1 + Math.floor(Math.random() * 80));
      await writing;
      if (round % 4 === 1) journald.signal('SIGUSR2');
      if (round % 4 === 3) {
        await journald.stop(round % 8 === 3 ? 'SIGKILL' : 'SIGTERM');
        await journald.start();
      }
      await lives.until(round * 100 + 100);
    }
    await journald.stop();
    assert.deepEqual(lives.written, Array.from({ length: 12 }, (_, round) => [...numbered(round * 100, 50), ...Array.from({ length: 50 }, () => `round ${round}`)]).flat());
    assert.deepEqual(lives.line.events(), []);
    assert.deepEqual(lives.said, []);
  });

  it('gives the rest of the boot before, and then the next one', async () => {
    const journald = journal();
    await journald.start();
    await journald.write(numbered(0, 10));
    await new Lives(journald.boot, journald.directory).until(10);
    const lives = new Lives(journald.boot, journald.directory);
    await lives.until(10);
    await journald.write(numbered(10, 10));
    await journald.stop();
    journald.boot = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa';
    await journald.start();
    await journald.write(numbered(20, 10));
    await lives.until(30);
    await journald.stop();
    assert.deepEqual(lives.written, numbered(0, 30));
    assert.deepEqual(lives.line.events(), []);
  });

  it('of the system begins with this boot at the first start', async () => {
    const journald = journal();
    journald.boot = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa';
    await journald.start();
    await journald.write(['of an earlier boot']);
    await journald.stop();
    journald.boot = 'bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb';
    await journald.start();
    await journald.write(numbered(0, 10));
    const lives = new Lives(journald.boot);
    await withPath(`${journald.commands()}:${process.env['PATH']}`, () => lives.until(10));
    await journald.stop();
    assert.deepEqual(lives.written, numbered(0, 10));
  });

  it('is not repeated when journald moves it from memory to disk while we read', async () => {
    const journald = journal();
    await journald.start(true);
    const lives = new Lives(journald.boot);
    const texts = [...numbered(0, 10), 'same', 'same', 'same'];
    await journald.write(texts);
    await withPath(`${journald.commands()}:${process.env['PATH']}`, async () => {
      const end = lives.begin();
      while (lives.written.length < texts.length) await delay(5);
      journald.signal('SIGUSR1');
      await journald.write(['after']);
      while (!lives.written.includes('after')) await delay(5);
      await end();
    });
    await journald.stop();
    assert.deepEqual(lives.written, [...texts, 'after']);
  });

  it('that was moved from memory to disk between two lives repeats no more than a moment, and says so', async () => {
    const journald = journal();
    await journald.start(true);
    const lives = new Lives(journald.boot);
    await journald.write(['first']);
    await journald.write(['second', 'third']);
    await withPath(`${journald.commands()}:${process.env['PATH']}`, async () => {
      await lives.until(3);
      journald.signal('SIGUSR1');
      await journald.write(['after']);
      const end = lives.begin();
      while (!lives.written.includes('after')) await delay(5);
      await end();
    });
    await journald.stop();
    const [repeated, once] = [lives.written.slice(3).filter((text) => text !== 'after'), [...lives.written.slice(0, 3), 'after']];
    assert.deepEqual(once, ['first', 'second', 'third', 'after']);
    assert.equal(new Set(repeated).size, repeated.length);
    assert.ok(!repeated.includes('first'));
    if (repeated.length > 0) assert.equal(lives.line.records().at(-1)!.run.flags, FLAG.mayRepeat);
  });

  it('says so when the last entry taken is gone, and goes on with what is left', async () => {
    const journald = journal();
    await journald.start();
    await journald.write(numbered(0, 10));
    const lives = new Lives(journald.boot, journald.directory);
    await lives.until(10);
    const filler = Array.from({ length: 400 }, () => randomBytes(30_000).toString('base64'));
    await journald.write(filler);
    await journald.write(numbered(10, 10));
    const end = lives.begin();
    while (!lives.written.includes('line 19')) await delay(5);
    await end();
    await journald.stop();
    const [event, ...more] = lives.line.events();
    assert.deepEqual([event!.event, event!.level, more], ['journal.cursor-unknown', 'error', []]);
    assert.equal(typeof event!.fields['writtenAt'], 'string');
    assert.ok(String(event!.fields['oldestWrittenAt']) >= String(event!.fields['writtenAt']));
    assert.deepEqual(lives.written.filter((text) => text.startsWith('line ')), numbered(0, 20));
    const last = lives.line.records().at(-1)!;
    assert.equal(last.run.flags, FLAG.mayRepeat);
  });

  it('tells what journald let go of before it was read, by number and time', async () => {
    const { journald, lives, end } = await followed(10);
    lives.line.full = true;
    // More than a small journal keeps, while the vault takes nothing.
    const filler = Array.from({ length: 600 }, () => randomBytes(30_000).toString('base64'));
    await journald.write(filler);
    await journald.write(numbered(10, 10));
    lives.line.release();
    while (!lives.written.includes('line 19')) await delay(5);
    await end();
    await journald.stop();
    const numbers = lives.line.texts('journal').map((text) => Number.parseInt(/;i=([0-9a-f]+);/.exec(text)![1]!, 16));
    const missing = lives.line.events().filter(({ event }) => event === 'journal.missing');
    const lost = missing.reduce((sum, { fields }) => sum + Number(fields['count']), 0);
    assert.ok(lost > 0 && missing.every(({ level }) => level === 'error'), JSON.stringify([lives.line.events(), lives.said, numbers.length]));
    assert.equal(numbers.length + lost, numbers.at(-1)! - numbers[0]! + 1, 'each number is sealed or told');
    for (const { fields } of missing) {
      assert.deepEqual([fields['reason'], Number(fields['to']) - Number(fields['from']) + 1], ['let-go', fields['count']]);
      assert.ok(String(fields['writtenFrom']) <= String(fields['writtenTo']));
      assert.ok(numbers.includes(Number(fields['from']) - 1) && numbers.includes(Number(fields['to']) + 1));
    }
  });

  it('goes on where it was when journalctl is killed', async () => {
    const { journald, lives, end } = await followed(10);
    for (const pid of children('journalctl')) process.kill(pid, 'SIGKILL');
    await journald.write(numbered(10, 10));
    while (lives.written.length < 20) await delay(5);
    await end();
    await journald.stop();
    assert.deepEqual(lives.written, numbered(0, 20));
    assert.deepEqual(lives.said.map(({ event, fields }) => [event, fields?.['signal']]), [['journal.interrupted', 'SIGKILL']]);
    assert.deepEqual(children('journalctl'), []);
  });

  it('has entries longer than the limit cut, with full length and hash', async () => {
    const journald = journal();
    await journald.start();
    await journald.write(['x'.repeat(5000), 'short']);
    const cut = new Lives(journald.boot, journald.directory, 4000);
    const end = cut.begin();
    while (!cut.line.texts('journal').some((text) => text.includes('"short"'))) await delay(5);
    await end();
    await journald.stop();
    const runs = cut.line.records().filter(({ run }) => run.kind === KIND.cut);
    assert.equal(runs.length, 1);
    const { run, raw } = runs[0]!;
    assert.equal(raw.length, 4000);
    assert.ok(run.cut!.fullLength > 5000n);
    assert.deepEqual(cut.line.records().map(({ sequence }) => sequence), cut.line.records().map((_, i) => i));
  });
});

describe('no journal', () => {
  it('is said once where there is no journalctl, and that is the end of it', async () => {
    const empty = join(root, 'empty');
    mkdirSync(empty, { recursive: true });
    const lives = new Lives('bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb', empty);
    const end = await withPath(empty, async () => {
      const end = lives.begin();
      while (lives.said.length === 0) await delay(5);
      return end;
    });
    await end();
    assert.deepEqual(lives.said.map(({ event }) => event), ['journal.absent']);
    assert.equal(lives.line.submissions.length, 0);
  });

  it('is said once where it has no entry', async () => {
    const empty = join(root, 'empty');
    mkdirSync(empty, { recursive: true });
    const lives = new Lives('bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb', empty);
    const end = lives.begin();
    while (lives.said.length === 0) await delay(5);
    await end();
    const expected = process.env['PATH'] !== undefined && lives.said[0]!.event === 'journal.absent' ? 'journal.absent' : 'journal.empty';
    assert.deepEqual(lives.said.map(({ event }) => event), [expected]);
    assert.deepEqual(children('journalctl'), []);
  });
});

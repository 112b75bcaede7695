// SPDX-License-Identifier: Apache-2.0
// The thread and its owner over stores on the real disk, with real flags where this machine lets us set them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { decodeEntry, decodeBundle, encodeEntry, parseChecksums, rangesOf, type CloseEntry } from '@strongroom/evidence';
import { readFileFlags, type Fields } from '@strongroom/service';
import { BuiltStream, StoreBuilder, buildStore, writeFiles, type BuiltStore } from '@strongroom/testing';
import { Upkeep } from './upkeep.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-upkeep-'));
const running: Upkeep[] = [];
after(async () => {
  for (const upkeep of running) await upkeep.close();
  spawnSync('chattr', ['-R', '-f', '-i', '-a', root]);
  rmSync(root, { recursive: true });
});
const built = buildStore(300);
const flagsWork = (() => {
  const probe = join(root, 'probe');
  writeFileSync(probe, '');
  return spawnSync('chattr', ['+i', probe]).status === 0;
})();
let homes = 0;

/** A home as a vault left it, and an upkeep of it. */
class Bench {
  readonly home = join(root, `home-${homes += 1}`);
  readonly segments = join(this.home, 'store/segments');
  readonly state = join(this.home, 'state');
  readonly events: { event: string; fields: Fields }[] = [];
  degraded: string | null = null;
  checksums = this.state;
  upkeep: Upkeep | undefined;

  readonly store: BuiltStore;

  constructor(store: BuiltStore = built) {
    this.store = store;
    writeFiles(join(this.home, 'store'), store.files);
    mkdirSync(this.state);
  }

  start(): Upkeep {
    const store = join(this.home, 'store');
    const note = (event: string, _: unknown, fields: Fields): void => { this.events.push({ event, fields }); };
    const upkeep = new Upkeep({
      data: { store, log: join(store, 'log'), segments: this.segments, state: this.state, checksums: this.checksums, vkey: this.store.vkey, periodMs: 30 * 86_400_000 },
      protect: async (path, flag) => spawnSync('chattr', [flag === 'append' ? '+a' : '+i', '--', path]).status === 0,
      event: note, seal: note, degraded: (reason) => { this.degraded = reason; }, publishedSize: () => this.store.size,
    });
    running.push(upkeep);
    this.upkeep = upkeep;
    upkeep.start();
    return upkeep;
  }

  /** Another life: what this one had in its memory is gone. */
  async restart(): Promise<Upkeep> {
    await this.upkeep!.close();
    return this.start();
  }

  async heard(event: string, times = 1): Promise<Fields> {
    while (this.events.filter((one) => one.event === event).length < times) await wait(10);
    return this.events.findLast((one) => one.event === event)!.fields;
  }

  lines(): string {
    try {
      return readFileSync(join(this.checksums, 'checksums'), 'utf8');
    } catch {
      return '';
    }
  }

  async linesAre(count: number): Promise<void> {
    while (this.lines().split('\n').length - 1 !== count) await wait(10);
  }

  paths(): string[] {
    return readdirSync(this.segments).map((name) => join(this.segments, name));
  }

  async flagged(): Promise<void> {
    while ([...readFileFlags(this.paths())].some(([name, flag]) => flag !== 'immutable' && !name.startsWith(OPEN))) await wait(20);
  }
}

const closes = [...built.files].filter(([path]) => path.startsWith('log/tile/entries'))
  .flatMap(([path, bytes]) => decodeBundle(bytes, path.includes('.p/') ? Number(path.split('.p/')[1]) : 256)).map(decodeEntry).filter((entry): entry is CloseEntry => entry.kind === 'close');
/** The segment that the built store is in the middle of. */
const OPEN = '0000000000000003';

test('every closing entry of the log has its line, once, wherever a crash came between', async () => {
  const whole = built.checksums;
  const steps: [string, (bench: Bench) => void][] = [
    ['nothing was done yet', () => undefined],
    ['a line was torn', (bench) => { writeFileSync(join(bench.state, 'checksums'), whole.slice(0, -30)); }],
    ['a line became other octets', (bench) => { writeFileSync(join(bench.state, 'checksums'), `${whole.slice(0, -30)}\n\0\n`); }],
    ['the line was there and the state not', (bench) => { writeFileSync(join(bench.state, 'checksums'), whole); }],
    ['the state was torn', (bench) => { writeFileSync(join(bench.state, 'upkeep.json'), '{"version":1,"flag'); writeFileSync(join(bench.state, 'upkeep.json.new'), 'x'); }],
  ];
  for (const [what, leave] of steps) {
    const bench = new Bench();
    leave(bench);
    const upkeep = bench.start();
    await bench.linesAre(closes.length);
    await upkeep.close();
    assert.equal(bench.lines(), whole, what);
    assert.equal((JSON.parse(readFileSync(join(bench.state, 'upkeep.json'), 'utf8')) as { checksums: { followed: number } }).checksums.followed, built.size, what);
  }
});

test('does not read again what it has followed', async () => {
  const bench = new Bench();
  bench.start();
  await bench.linesAre(closes.length);
  await bench.upkeep!.close();
  renameSync(join(bench.home, 'store/log/tile/entries/000'), join(bench.home, 'first-bundle'));
  const lines = bench.lines();
  await (await bench.restart()).close();
  assert.deepEqual([bench.lines(), bench.events.filter(({ event }) => event.startsWith('vault.checksums'))], [lines, []]);
});

test('a volume that is away is told once, waited for, and caught up with; one that lost lines gets them again', async () => {
  const bench = new Bench();
  bench.checksums = join(bench.home, 'volume');
  bench.start();
  assert.match(String((await bench.heard('vault.checksums-away'))['why']), /ENOENT/);
  while (bench.upkeep!.facts.checksums.away === null) await wait(10);
  mkdirSync(bench.checksums);
  await bench.restart();
  await bench.linesAre(closes.length);
  assert.equal(bench.upkeep!.facts.checksums.sharesVolume ?? true, true);
  await bench.upkeep!.close();
  rmSync(join(bench.checksums, 'checksums'));
  bench.start();
  await bench.linesAre(closes.length);
  assert.equal((await bench.heard('vault.checksums-lost'))['hadBytes'], built.checksums.length);
  assert.equal(parseChecksums(bench.lines()).size, closes.length);
});

test('files of closed segments are flagged, whatever a crash left, and one whose flag was taken gets it again', { skip: flagsWork ? false : 'machine: flags cannot be set here' }, async () => {
  const bench = new Bench();
  const parts = bench.paths().filter((path) => !path.includes(OPEN));
  bench.start();
  bench.upkeep!.opened(OPEN, join(bench.segments, `${OPEN}.seg`));
  await bench.flagged();
  assert.equal(readFileFlags(bench.paths()).get(`${OPEN}.seg`), 'append', 'what is written to is left as it is');
  assert.equal((await bench.heard('vault.flags-missing'))['files'], parts.length);
  await bench.upkeep!.close();
  spawnSync('chattr', ['-i', '--', parts[0]!]);
  bench.start();
  bench.upkeep!.opened(OPEN, join(bench.segments, `${OPEN}.seg`));
  await bench.flagged();
  assert.deepEqual(await bench.heard('vault.flags-missing', 2), { files: 1, first: parts[0]!.slice(bench.segments.length + 1) });
  bench.upkeep!.closed(closes[0]!);
  bench.upkeep!.closed({ ...closes[0]!, segment: OPEN });
  while (readFileFlags(bench.paths()).get(`${OPEN}.seg`) !== 'immutable') await wait(10);
});

test('wherever a crash came between making a file and flagging it, the next start ends with the flag', { skip: flagsWork ? false : 'machine: flags cannot be set here' }, async () => {
  for (const left of [[], ['+a'], ['+i'], ['+a', '+i']]) {
    const bench = new Bench();
    for (const flag of left) spawnSync('chattr', [flag, '--', ...bench.paths()]);
    bench.start();
    bench.upkeep!.opened('0000000000000009', bench.paths()[0]!);
    while ([...readFileFlags(bench.paths()).values()].some((flag) => flag !== 'immutable')) await wait(20);
    const told = bench.events.filter(({ event }) => event === 'vault.flags-missing').length;
    assert.equal(told, left.includes('+i') ? 0 : 1, `after ${left.join(' ') || 'nothing'}: what lacked its flag is told of`);
    await bench.upkeep!.close();
  }
});

/** Flips a bit of a file. */
function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 1;
  writeFileSync(path, bytes);
}

test('a pass finds a flipped bit by its frame, and tells when it is good again', async () => {
  const bench = new Bench();
  const path = join(bench.segments, '0000000000000001.seg');
  const good = readFileSync(path);
  bench.start();
  bench.upkeep!.scrub();
  const { entries, damaged } = await bench.heard('vault.scrubbed');
  assert.deepEqual([entries, damaged, bench.degraded], [built.size, 0, null]);
  const first = [...built.files].filter(([name]) => name.startsWith('log/tile/entries')).flatMap(([, bytes]) => [bytes.toString('latin1')]).join('');
  const offset = Number(/segment 0000000000000001\nheader \S+\nframe 1\noffset (\d+)/.exec(first)![1]);
  flip(path, offset + 50);
  bench.upkeep!.scrub();
  const { where, offset: found, detail } = await bench.heard('vault.scrub-failed');
  assert.deepEqual([where, found, detail], ['store/segments/0000000000000001.seg', offset, 'frame 1 is not the one that was sealed']);
  await bench.heard('vault.scrubbed', 2);
  while (bench.degraded === null) await wait(10);
  assert.match(bench.degraded, /0000000000000001\.seg at octet/);
  await bench.restart();
  while (bench.upkeep!.facts.scrub.damaged !== 1) await wait(10);
  writeFileSync(path, good);
  bench.upkeep!.scrub();
  assert.equal((await bench.heard('vault.scrub-good-again'))['where'], where);
  while (bench.degraded !== null) await wait(10);
  assert.equal(bench.events.filter(({ event }) => event === 'vault.scrub-failed').length, 1, 'told once');
});

test('a pass finds what is missing, short, or changed in the log or outside the store', async () => {
  const cases: [string, (bench: Bench) => void, string, RegExp][] = [
    ['a missing file', (bench) => rmSync(join(bench.segments, '0000000000000001.seg')), 'store/segments/0000000000000001.seg', /missing|not the one/],
    ['a short file', (bench) => truncateSync(join(bench.segments, '0000000000000001.seg'), statSync(join(bench.segments, '0000000000000001.seg')).size - 1), 'store/segments/0000000000000001.seg', /ends there|header or its end/],
    ['an entry', (bench) => flip(join(bench.home, 'store/log/tile/entries/000'), 20), 'store/log/tile/entries/000', /differ/],
    ['a tile', (bench) => flip(join(bench.home, 'store/log/tile/0/000'), 20), 'store/log/tile/entries/000', /differ/],
    ['a tile above', (bench) => flip(join(bench.home, 'store/log/tile/1/000.p/1'), 2), 'store/log/tile/1/000.p/1', /root of the tile below/],
    ['the checkpoint', (bench) => flip(join(bench.home, 'store/log/checkpoint'), built.checkpoint.length - 8), 'store/log/checkpoint', /./],
  ];
  for (const [what, damage, where, detail] of cases) {
    const bench = new Bench();
    damage(bench);
    bench.start();
    bench.upkeep!.scrub();
    const found = await bench.heard('vault.scrub-failed');
    assert.equal(found['where'], where, what);
    assert.match(String(found['detail']), detail, what);
    await bench.upkeep!.close();
  }
});

test('a line outside the store that tells of other octets than the log is a finding', async () => {
  const bench = new Bench();
  bench.start();
  await bench.linesAre(closes.length);
  await bench.upkeep!.close();
  writeFileSync(join(bench.state, 'checksums'), bench.lines().replace(/^./, (digit) => (digit === '0' ? '1' : '0')));
  bench.start();
  bench.upkeep!.scrub();
  assert.match(String((await bench.heard('vault.scrub-failed'))['detail']), /checksum database/);
});

/** Of a thread of this process, proc(5). */
function nice(task: string): number {
  return Number(/\) (?:\S+ ){16}(-?\d+)/.exec(readFileSync(`/proc/self/task/${task}/stat`, 'latin1'))?.[1]);
}

/** What ionice says of threads that were made nice. */
function given(): string[] {
  return readdirSync('/proc/self/task').filter((task) => nice(task) === 10).map((task) => spawnSync('ionice', ['-p', task], { encoding: 'utf8' }).stdout.trim());
}

test('the thread gives way to others, on the disk to all of them', { skip: spawnSync('ionice', ['-V']).error === undefined ? false : 'machine: there is no ionice' }, async () => {
  const bench = new Bench();
  bench.start();
  while (!given().includes('idle')) await wait(20);
  await bench.upkeep!.close();
});

test('a restart goes on where the pass was, and a pass is paced over its period', async () => {
  const bench = new Bench();
  bench.start();
  while (bench.upkeep!.facts.scrub.percent === 0) await wait(10);
  await bench.upkeep!.close();
  const state = JSON.parse(readFileSync(join(bench.state, 'upkeep.json'), 'utf8')) as { scrub: { entry: number; bytes: number } };
  assert.ok(state.scrub.entry > 0 && state.scrub.entry < built.size, `at entry ${state.scrub.entry}`);
  bench.start();
  while (bench.upkeep!.facts.scrub.percent === 0) await wait(10);
  assert.equal(bench.events.some(({ event }) => event === 'vault.scrubbed'), false);
});

test('what was destroyed by decision is neither missed nor flagged', async () => {
  const builder = new StoreBuilder();
  const stream = new BuiltStream(builder);
  builder.batch([stream.run(['one'])]).closeSegment().batch([stream.run(['two'])]).closeSegment();
  const gone = '0000000000000001';
  const facts = { class: 'default', bucket: '2027-11', keys: ['k'], held: [], batches: 1, records: 1, bytes: 3, order: '0'.repeat(32), approvals: Buffer.alloc(32) };
  builder.entryBytes(encodeEntry({ kind: 'destroy', time: 1n, segments: rangesOf([gone]), ...facts }));
  const bench = new Bench(builder.build());
  rmSync(join(bench.segments, `${gone}.seg`));
  bench.start();
  bench.upkeep!.scrub();
  assert.equal((await bench.heard('vault.scrubbed'))['damaged'], 0);
  rmSync(join(bench.segments, '0000000000000002.seg'));
  bench.upkeep!.scrub();
  assert.equal((await bench.heard('vault.scrub-failed'))['where'], 'store/segments/0000000000000002.seg');
});

// SPDX-License-Identifier: Apache-2.0
// The real kernel and the real reader, on trees of their own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync, chownSync, copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { baselineDigest } from '../testing/baseline-digest.ts';
import { filesReaderMissing, FilesLife, FilesReader } from '../testing/files-reader.ts';
import type { Position } from '../token.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'strongroom-files-')));
const memory = realpathSync(mkdtempSync('/dev/shm/strongroom-files-'));
/** More than the kernel's queue has room for, by default 16,384 events. */
const FILES = 17_000;
const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

function fill(at: string): void {
  for (const name of ['low/er/file', 'low/other']) writeFileSync(join(at, name), name, { mode: 0o644 });
}

/** What a program printed; it must succeed. */
function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${command}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Some 400 acts on a few names, so that they meet. */
function churn(tree: string, seed: number): void {
  let state = seed + 1;
  const below = (count: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const name = (): string => join(tree, ...Array.from({ length: 1 + below(3) }, () => `d${below(2)}`).slice(1), `${['f', 'd'][below(2)]}${below(4)}`);
  const acts: readonly (() => void)[] = [
    () => writeFileSync(name(), String(below(1000))), () => writeFileSync(name(), String(below(1000)), { flag: 'a' }), () => mkdirSync(name(), { recursive: true }),
    () => mkdirSync(name()), () => renameSync(name(), name()), () => renameSync(name(), name()), () => rmSync(name(), { recursive: true }), () => unlinkSync(name()),
    () => symlinkSync(String(below(9)), name()), () => chmodSync(name(), 0o600 + below(64)), () => chownSync(name(), below(3), 0),
  ];
  for (let act = 0; act < 400; act += 1) {
    try {
      acts[below(acts.length)]!();
    } catch (error) {
      assert.match((error as NodeJS.ErrnoException).code ?? '', /^E[A-Z]+$|^ERR_FS/); // it was not there, or is another kind
    }
    if (below(40) === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, below(400));
  }
}

interface Opened {
  readonly tree: string;
  readonly life: FilesLife;
  readonly reader: FilesReader;
  start(options?: { extra?: readonly string[]; before?: readonly string[] }): Promise<FilesReader>;
  /** Another life of capture on the same line. */
  next(last: Position): Promise<FilesLife>;
}

describe('file integrity by the real reader', { skip: filesReaderMissing() }, () => {
  let number = 0;
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => { for (const cleanup of cleanups.splice(0).toReversed()) await cleanup(); });
  after(() => [root, memory].forEach((directory) => rmSync(directory, { recursive: true })));

  /** A tree, a reader that has scanned it, and the capture that it speaks to. */
  async function open(fill: (tree: string) => void, { below = root, extra = [] as readonly string[], before = [] as readonly string[] } = {}): Promise<Opened> {
    const base = mkdtempSync(join(below, `${number += 1}-`));
    const [tree, state, socket] = [join(base, 'tree'), join(base, 'state'), join(root, `${number}.sock`)];
    [tree, state].forEach((directory) => mkdirSync(directory, { mode: 0o700 }));
    fill(tree);
    const listen = async (last?: Position): Promise<FilesLife> => {
      const life = new FilesLife(socket, last);
      await life.server.listen();
      cleanups.push(() => { life.dead = true; life.server.close(); });
      return life;
    };
    const life = await listen();
    const start: Opened['start'] = async (options = {}) => {
      const scans = life.scans.length;
      const args = [socket, '--state', state, '--watch', tree, '--no-executables', ...extra, ...options.extra ?? []];
      const reader = new FilesReader(args, options.before ?? before);
      cleanups.push(() => reader.stop('SIGKILL'));
      await life.until(() => life.scans.length > scans, `the first scan (${reader.output})`);
      return reader;
    };
    return { tree, life, start, next: listen, reader: await start() };
  }

  for (const below of [root, memory]) {
    it(`tells of each change what was before, what is after, and who did it: ${below === root ? 'on a disk' : 'in memory'}`, async () => {
      const { tree, life, reader } = await open((at) => {
        mkdirSync(join(at, 'deep/er'), { recursive: true });
        for (const name of ['changed', 'mode', 'moved', 'gone', 'replaced', 'link-to', 'deep/er/inside']) writeFileSync(join(at, name), `${name} before`, { mode: 0o644 });
        symlinkSync('link-to', join(at, 'link'));
      }, { below });
      const at = (name: string): string => join(tree, name);
      assert.deepEqual([life.differences, life.scans[0]!['taken']], [[], 11], 'the first scan is told by its digest');
      const inode = statSync(at('replaced')).ino;
      const act = (...acts: readonly string[]): number => {
        const { pid, status, stderr } = spawnSync('sh', ['-c', acts.join(' && ')], { cwd: tree, encoding: 'utf8' });
        assert.equal(status, 0, stderr);
        return pid;
      };
      reader.signal('SIGSTOP'); // both come before it looks, however slow they are
      act('chmod 4755 mode', 'chown 60999:60998 mode', 'echo new > other', 'mv other replaced');
      reader.signal('SIGCONT');
      const pid = act('echo after > changed', 'mv moved deep/moved', 'rm gone', 'ln -sfn replaced link', 'mkdir -p fresh/below', 'echo made > fresh/below/made', 'mv deep/er deep/else');
      const one = (name: string, type: string) => life.until(() => life.of(at(name)).find((record) => record.type === type), `${type} ${name}`);

      const changed = await one('changed', 'changed');
      assert.deepEqual([changed['how'], changed['pid'], changed.before!['sha256'], changed.after!['sha256']], ['event', pid, sha256('changed before'), sha256('after\n')]);
      assert.ok(changed['started'] === null || (changed['started'] as number) > 0);
      const mode = await one('mode', 'changed');
      assert.deepEqual([mode.before!['mode'], mode.before!['uid'], mode.after!['uid'], mode.after!['gid'], mode.after!['sha256']], [0o644, 0, 60999, 60998, sha256('mode before')]);
      assert.ok((mode['processes'] as unknown[]).length === 2, 'two processes came before it was looked at');
      const moved = await one('moved', 'renamed');
      assert.deepEqual([moved['to'], moved.before!['inode'], moved.after!['sha256']], [at('deep/moved'), moved.after!['inode'], sha256('moved before')]);
      const gone = await one('gone', 'removed');
      assert.deepEqual([gone.before!['sha256'], gone.after], [sha256('gone before'), null]);
      const replaced = await one('replaced', 'changed');
      assert.deepEqual([replaced.before!['inode'], replaced.before!['sha256'], replaced.after!['sha256']], [inode, sha256('replaced before'), sha256('new\n')]);
      const link = await one('link', 'changed');
      assert.deepEqual([link.before!['kind'], link.before!['sha256'], link.after!['sha256']], ['link', sha256('link-to'), sha256('replaced')]);
      const directory = await one('fresh', 'created');
      assert.deepEqual([directory.after!['kind'], directory.before], ['directory', null]);
      const made = await one('fresh/below/made', 'created');
      assert.equal(made.after!['sha256'], sha256('made\n'));
      assert.equal((await one('deep/er', 'renamed'))['to'], at('deep/else'));
      assert.deepEqual([life.of(at('other')), life.of(at('link-to'))], [[], []]);

      writeFileSync(at('deep/else/inside'), 'once more'); // a directory that was moved is watched under its new name
      const inside = await one('deep/else/inside', 'changed');
      assert.deepEqual([inside['pid'], inside.before!['sha256'], inside.after!['sha256']], [process.pid, sha256('deep/er/inside before'), sha256('once more')]);
      life.balance();
    });
  }

  /** What mounts a file system of that kind at a tree that then has `low/er/file` and `low/other`; a text: why it cannot. */
  const MOUNTS: Readonly<Record<string, (at: string) => string | null>> = {
    overlay: (at) => {
      const base = mkdtempSync(join(root, 'layers-'));
      ['lower/low/er', 'upper', 'work'].forEach((name) => mkdirSync(join(base, name), { recursive: true }));
      fill(join(base, 'lower'));
      const { status } = spawnSync('mount', ['-t', 'overlay', 'strongroom', '-o', `lowerdir=${base}/lower,upperdir=${base}/upper,workdir=${base}/work`, at]);
      return status === 0 ? null : 'machine: no overlayfs';
    },
    btrfs: (at) => {
      const image = join(root, 'btrfs');
      writeFileSync(image, '');
      truncateSync(image, 128 * 1024 * 1024);
      if (spawnSync('mkfs.btrfs', ['-q', image], { env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } }).status !== 0) return 'machine: no mkfs.btrfs (package btrfs-progs)';
      if (spawnSync('mount', ['-o', 'loop', image, at]).status !== 0) return 'machine: no loop device, or a kernel without btrfs';
      mkdirSync(join(at, 'low/er'), { recursive: true });
      fill(at);
      return null;
    },
  };
  for (const [kind, mount] of Object.entries(MOUNTS)) {
    it(`knows on ${kind} what is written, linked, renamed and removed, and by whom, and a scan finds nothing that it had missed`, async (test) => {
      let why: string | null = null;
      const { tree, life, reader, start } = await open((at) => {
        why = mount(at);
        if (why === null) cleanups.unshift(() => run('umount', at));
      });
      if (why !== null) return test.skip(why);
      const at = (name: string): string => join(tree, name);
      const one = (name: string, wanted: string) => life.until(() => life.of(at(name)).find(({ type }) => type === wanted), `${wanted} ${name}`);
      assert.deepEqual([life.scans[0]!['taken'], life.told('files.note')], [5, []]);
      writeFileSync(at('low/er/file'), ' and more', { flag: 'a' }); // on overlayfs this copies it up, and the directories above
      const written = await one('low/er/file', 'changed');
      assert.deepEqual([written['how'], written['pid'], written.before!['sha256'], written.after!['sha256']], ['event', process.pid, sha256('low/er/file'), sha256('low/er/file and more')]);
      assert.equal(written.before!['inode'], written.after!['inode']);
      linkSync(at('low/other'), at('low/er/linked'));
      assert.equal((await one('low/er/linked', 'created')).after!['sha256'], sha256('low/other'));
      renameSync(at('low/er/file'), at('low/moved'));
      const moved = await one('low/er/file', 'renamed');
      assert.deepEqual([moved['to'], moved['pid']], [at('low/moved'), process.pid]);
      unlinkSync(at('low/er/linked'));
      assert.deepEqual([(await one('low/er/linked', 'removed'))['how']], ['event']);
      mkdirSync(at('fresh'));
      writeFileSync(at('fresh/in'), 'in');
      await one('fresh/in', 'created');
      renameSync(at('fresh'), at('low/er/fresh'));
      await one('fresh', 'renamed');
      writeFileSync(at('low/er/fresh/in'), 'again');
      assert.equal((await one('low/er/fresh/in', 'changed'))['how'], 'event');
      assert.equal(await reader.stop(), 0);
      await start();
      assert.deepEqual([life.scans.at(-1)!['healed'], life.scans.at(-1)!['digest']], [0, baselineDigest(tree)]);
      life.balance();
    });
  }

  it('tells of extended attributes, such as capabilities, and of nothing that is no change', async () => {
    const { tree, life } = await open((at) => ['capable', 'touched', 'same'].forEach((name) => writeFileSync(join(at, name), name)));
    utimesSync(join(tree, 'touched'), 1, 1);
    writeFileSync(join(tree, 'same'), 'same');
    assert.equal(spawnSync('setcap', ['cap_setuid+ep', join(tree, 'capable')]).error?.message ?? spawnSync('python3', ['-c', `import os;os.setxattr(${JSON.stringify(join(tree, 'capable'))}, 'user.strongroom', b'1')`]).status, 0);
    const capable = await life.until(() => life.of(join(tree, 'capable'))[0], 'the attribute');
    assert.equal(capable.before!['attributes'], undefined);
    assert.match(capable.after!['attributes'] as string, /^[0-9a-f]{64}$/);
    assert.deepEqual([life.of(join(tree, 'touched')), life.of(join(tree, 'same'))], [[], []]);
  });

  it('finds by a scan what no event told, and says so: another name of the same file, and what happened while no reader was there', async () => {
    const { tree, life, reader, start } = await open((at) => ['linked', 'away', 'lost', 'kept'].forEach((name) => writeFileSync(join(at, name), name)));
    linkSync(join(tree, 'linked'), join(root, 'outside'));
    await reader.stop('SIGKILL');
    writeFileSync(join(root, 'outside'), 'written by its other name');
    writeFileSync(join(tree, 'away'), 'while nobody watched');
    unlinkSync(join(tree, 'lost'));
    await start();
    assert.deepEqual(life.differences.map(({ type, path, how, pid }) => [type, path, how, pid]).toSorted(), [
      ['changed', join(tree, 'away'), 'scan', null], ['changed', join(tree, 'linked'), 'scan', null], ['removed', join(tree, 'lost'), 'scan', null],
    ]);
    const [first, second] = life.scans;
    assert.deepEqual([first!['reason'], first!['deep'], second!['healed'], second!['deep']], ['start', true, 3, false]);
    assert.notEqual(first!['digest'], second!['digest']);
    assert.equal(life.told('files.reading')[1]!['digest'], first!['digest'], 'it began with the baseline that was sealed');
    assert.deepEqual(life.told('files.baseline-replaced'), []);
    life.balance();
  });

  it('keeps its baseline over restarts: a scan that finds nothing has the digest of the one before', async () => {
    const { life, reader, start } = await open((at) => writeFileSync(join(at, 'still'), 'still'));
    assert.equal(await reader.stop(), 0);
    await start();
    assert.equal(life.scans[0]!['digest'], life.scans[1]!['digest']);
    assert.deepEqual([life.differences, life.scans[1]!['healed'], life.scans[1]!['taken']], [[], 0, 0]);
  });

  it('reads everything again when it is time', async () => {
    const { tree, life, reader, start } = await open((at) => writeFileSync(join(at, 'sly'), 'aaaa'));
    assert.equal(await reader.stop(), 0);
    await start({ extra: ['--every', '1'] });
    await life.until(() => life.scans.some(({ reason, deep }) => reason === 'schedule' && deep === true), 'a scan by schedule');
    assert.ok((life.scans.at(-1)!['bytes'] as number) >= 4);
    assert.deepEqual(life.of(join(tree, 'sly')), []);
  });

  it('finds, when all is read again, content that was changed on the disk beneath its file system', async (test) => {
    const image = join(root, 'image');
    writeFileSync(image, '');
    truncateSync(image, 4 * 1024 * 1024);
    run('mkfs.ext4', '-q', '-b', '1024', image);
    const probe = mkdtempSync(join(root, 'mount-'));
    if (spawnSync('mount', ['-o', 'loop', image, probe]).status !== 0) return test.skip('machine: no loop device');
    run('umount', probe);
    const { tree, life, reader, start } = await open((at) => {
      run('mount', '-o', 'loop', image, at);
      cleanups.push(() => run('umount', at));
      writeFileSync(join(at, 'sly'), 'a'.repeat(900));
    });
    const sly = join(tree, 'sly');
    assert.equal(await reader.stop(), 0);
    run('umount', tree);
    const block = Number(run('debugfs', '-R', 'blocks /sly', image).trim());
    const bytes = readFileSync(image);
    assert.equal(bytes.toString('latin1', block * 1024, block * 1024 + 900), 'a'.repeat(900));
    bytes[block * 1024] = 0x62;
    writeFileSync(image, bytes);
    run('mount', '-o', 'loop', image, tree);
    await start({ extra: ['--every', '1'] });
    const found = await life.until(() => life.of(sly)[0], 'the change');
    assert.deepEqual([found['how'], found.before!['sha256'], found.after!['sha256']], ['scan', sha256('a'.repeat(900)), sha256(`b${'a'.repeat(899)}`)]);
    assert.deepEqual(['modified', 'changed', 'inode', 'size'].map((name) => found.before![name]), ['modified', 'changed', 'inode', 'size'].map((name) => found.after![name]), 'nothing else tells of it');
  });

  it('says when the queue of the kernel overflowed, and a scan finds the rest', async () => {
    const { tree, life, reader } = await open((at) => mkdirSync(join(at, 'many')), { below: memory });
    reader.signal('SIGSTOP');
    for (let file = 0; file < FILES; file += 1) writeFileSync(join(tree, 'many', String(file)), '');
    reader.signal('SIGCONT');
    await life.until(() => life.scans.some(({ reason }) => reason === 'overflow'), 'the scan');
    assert.ok(life.told('files.overflow').length > 0);
    const created = life.differences.filter(({ type }) => type === 'created');
    assert.equal(new Set(created.map(({ path }) => path)).size, FILES);
    assert.equal(created.length, FILES, 'each once');
    const healed = life.scans.reduce((sum, scan) => sum + (scan['healed'] as number), 0);
    assert.equal(healed, created.filter(({ how }) => how === 'scan').length);
    assert.ok(healed > 0 && healed < FILES);
    life.balance();
  });

  it('knows, after many changes of all kinds at once, exactly what is on the disk, and a scan finds nothing that it had missed', async (test) => {
    const seed = Number(process.env['STRONGROOM_SEED'] ?? Date.now() % 1_000_000);
    test.diagnostic(`STRONGROOM_SEED=${seed}`);
    const { tree, life, reader, start } = await open((at) => mkdirSync(join(at, 'd0')));
    churn(tree, seed);
    for (const round of [0, 1, 2]) { // what waits longest: whatever was there before it is looked at before it
      const mark = join(tree, `mark-${round}`);
      symlinkSync('nowhere', mark);
      await life.until(() => life.of(mark)[0], 'the mark');
    }
    assert.equal(await reader.stop(), 0);
    await start();
    const scan = life.scans[1]!;
    assert.deepEqual([scan['healed'], scan['digest']], [0, baselineDigest(tree)], `STRONGROOM_SEED=${seed}: ${JSON.stringify(life.differences.filter(({ how }) => how === 'scan'))}`);
    life.balance();
  });

  it('sends what a killed capture had not sealed to the next, which takes each once', async () => {
    const { tree, life, next } = await open((at) => writeFileSync(join(at, 'a'), ''));
    writeFileSync(join(tree, 'sealed'), 'sealed');
    await life.until(() => life.of(join(tree, 'sealed'))[0], 'the first');
    const last = life.committed;
    life.dead = true;
    writeFileSync(join(tree, 'in-its-hands'), '');
    const counts = readFileSync(join(tree, '../state/baseline')).length;
    await life.until(() => readFileSync(join(tree, '../state/baseline')).length > counts, 'the difference on disk');
    life.server.close();
    const second = await next(last);
    writeFileSync(join(tree, 'new'), '');
    await second.until(() => second.of(join(tree, 'new'))[0], 'the last');
    assert.deepEqual(second.differences.map(({ path }) => path), [join(tree, 'in-its-hands'), join(tree, 'new')]);
    assert.deepEqual(second.told('files.missing'), []);
    second.balance();
  });

  it('has the change told by the next reader when both were killed behind its becoming durable', async () => {
    const { tree, life, reader, next, start } = await open((at) => writeFileSync(join(at, 'a'), ''));
    const last = life.committed;
    life.dead = true;
    const { length } = readFileSync(join(tree, '../state/baseline'));
    writeFileSync(join(tree, 'once'), '');
    await life.until(() => readFileSync(join(tree, '../state/baseline')).length > length, 'the difference on disk');
    await reader.stop('SIGKILL');
    life.server.close();
    const second = await next(last);
    void start().catch(() => undefined);
    await second.until(() => second.scans.length > 0, 'the scan');
    assert.deepEqual(second.differences.map(({ path, how, pid }) => [path, how, pid]), [[join(tree, 'once'), 'event', process.pid]]);
    assert.deepEqual([second.told('files.missing'), second.told('files.baseline-replaced')], [[], []]);
  });

  it('watches what is mounted within a tree from then on, and says what it hid and what came back', async () => {
    const { tree, life } = await open((at) => {
      mkdirSync(join(at, 'a b/below'), { recursive: true });
      writeFileSync(join(at, 'a b/below/hidden'), 'hidden');
    });
    const place = join(tree, 'a b');
    const mounts = (): unknown[] => life.told('files.mount').map(({ what, path }) => [what, path]);
    run('mount', '-t', 'tmpfs', 'strongroom', place);
    cleanups.push(() => spawnSync('umount', [place], { stdio: 'ignore' }));
    await life.until(() => life.of(join(place, 'below/hidden')).some(({ type }) => type === 'removed'), 'what is hidden');
    assert.deepEqual(mounts(), [['watched', place]]);
    mkdirSync(join(place, 'below'));
    writeFileSync(join(place, 'below/new'), 'new');
    const fresh = await life.until(() => life.of(join(place, 'below/new'))[0], 'what is new');
    assert.deepEqual([fresh.after!['sha256'], fresh.after!['device']], [sha256('new'), life.told('files.mount')[0]!['device']]);
    writeFileSync(join(place, 'below/new'), 'once more');
    const once = await life.until(() => life.of(join(place, 'below/new'))[1], 'what is changed');
    assert.deepEqual([once['how'], once['pid']], ['event', process.pid], 'by an event, with who did it');
    run('umount', place);
    const back = await life.until(() => life.of(join(place, 'below/hidden')).find(({ type }) => type === 'created'), 'what came back');
    assert.equal(back.after!['sha256'], sha256('hidden'));
    await life.until(() => life.of(join(place, 'below/new')).some(({ type }) => type === 'removed'), 'what went');
    writeFileSync(join(place, 'below/hidden'), 'seen');
    const seen = await life.until(() => life.of(join(place, 'below/hidden')).find(({ type, after }) => type === 'changed' && after!['sha256'] === sha256('seen')), 'the change');
    assert.deepEqual([seen['how'], seen['pid'], mounts()], ['event', process.pid, [['watched', place], ['gone', place]]]);
    life.balance();
  });

  it('tells of a baseline that is another than the one that was sealed, an older one, and a damaged one', async () => {
    const { tree, life, reader, start } = await open((at) => writeFileSync(join(at, 'a'), ''));
    const state = join(tree, '../state');
    copyFileSync(join(state, 'baseline'), join(state, 'older'));
    writeFileSync(join(tree, 'b'), '');
    await life.until(() => life.of(join(tree, 'b'))[0], 'the change');
    await reader.stop();
    const again = async (change: () => void): Promise<unknown> => {
      change();
      const told = life.told('files.baseline-replaced').length;
      const one = await start();
      await one.stop();
      return life.told('files.baseline-replaced')[told]?.['reason'];
    };
    assert.equal(await again(() => undefined), undefined);
    assert.equal(await again(() => renameSync(join(state, 'older'), join(state, 'baseline'))), 'older');
    assert.equal(await again(() => rmSync(join(state, 'baseline'))), 'another');
    const bytes = readFileSync(join(state, 'baseline'));
    bytes[bytes.indexOf('/a') + 1] = 0x7a;
    assert.equal(await again(() => writeFileSync(join(state, 'baseline'), bytes)), 'another');
    assert.ok(life.told('files.note').some(({ text }) => /damaged/.test(String(text))));
  });

  it('leaves our own home out, whatever becomes of it, and says so', async () => {
    const base = mkdtempSync(join(root, 'home-'));
    const { tree, life, reader, start } = await open((at) => { mkdirSync(join(at, 'home/state'), { recursive: true }); symlinkSync(join(at, 'home'), join(base, 'home')); }, { extra: ['--home', join(base, 'home')] });
    assert.equal(life.scans[0]!['leftOut'], 1);
    await reader.stop();
    chmodSync(join(tree, 'home'), 0o711);
    await start();
    writeFileSync(join(tree, 'home/state/own'), '');
    writeFileSync(join(tree, 'home/own'), '');
    writeFileSync(join(tree, 'mark'), '');
    await life.until(() => life.of(join(tree, 'mark'))[0], 'the mark');
    assert.deepEqual(life.differences.map(({ path }) => path), [join(tree, 'home'), join(tree, 'mark')]);
  });

  it('says which file cannot be read, and goes on', async () => {
    const { life, tree } = await open((at) => {
      [root, join(at, '..'), at].forEach((directory) => chmodSync(directory, 0o755));
      chownSync(join(at, '../state'), 60_650, 60_650);
      writeFileSync(join(at, 'secret'), 'x', { mode: 0o600 });
      writeFileSync(join(at, 'open'), 'x', { mode: 0o644 });
    }, { before: ['setpriv', '--reuid=60650', '--regid=0', '--clear-groups', '--inh-caps=-all,+sys_admin', '--ambient-caps=-all,+sys_admin'] });
    assert.equal(life.scans[0]!['unreadable'], 1);
    chmodSync(join(tree, 'secret'), 0o620);
    const secret = await life.until(() => life.of(join(tree, 'secret'))[0], 'the change');
    assert.deepEqual([secret.after!['sha256'], secret.after!['unreadable'], secret.after!['mode']], [null, 13, 0o620]);
  });

  it('hashes what is executed, once as long as it stays as it is', async () => {
    const program = join(root, 'program');
    copyFileSync('/bin/true', program);
    const { life, tree, reader } = await open(() => undefined);
    await reader.stop();
    const before = life.scans.length;
    const second = new FilesReader([life.path, '--state', join(tree, '../state'), '--watch', tree]);
    cleanups.push(() => second.stop('SIGKILL'));
    await life.until(() => life.scans.length > before, 'the scan');
    const told = () => life.records.filter(({ type, path }) => type === 'executable' && path === program);
    const { pid } = spawnSync(program);
    const [first] = await life.until(() => (told().length > 0 ? told() : undefined), 'the executable');
    const facts = statSync(program);
    assert.deepEqual([first!['sha256'], first!['pid'], first!['inode'], first!['size']], [sha256(readFileSync('/bin/true')), pid, facts.ino, facts.size]);
    spawnSync(program);
    // What is executed is hashed behind it: another one shows that the look at this one is over before it is written to.
    const other = join(root, 'other');
    copyFileSync('/bin/true', other);
    spawnSync(other);
    await life.until(() => life.records.some(({ type, path }) => type === 'executable' && path === other), 'the other program');
    copyFileSync('/bin/false', program);
    spawnSync(program);
    await life.until(() => told().length > 1, 'the other content');
    assert.deepEqual(told().map((record) => record['sha256']), [sha256(readFileSync('/bin/true')), sha256(readFileSync('/bin/false'))]);
    life.balance();
  });

  it('hashes what is executed from a file system that is mounted later, by a process that can do nothing else', async () => {
    const { life, tree, reader } = await open(() => undefined);
    await reader.stop();
    const second = new FilesReader([life.path, '--state', join(tree, '../state')]);
    cleanups.push(() => second.stop('SIGKILL'));
    await life.until(() => life.scans.length > 1, 'the scan');
    const place = mkdtempSync(join(root, 'later-'));
    run('mount', '-t', 'tmpfs', 'strongroom', place);
    cleanups.push(() => run('umount', place));
    await life.until(() => life.told('files.mount').find(({ what, path }) => what === 'hashed' && path === place), 'the mark');
    const program = join(place, 'program');
    copyFileSync('/bin/true', program);
    spawnSync(program);
    const told = await life.until(() => life.records.find(({ type, path }) => type === 'executable' && path === program), 'the executable');
    assert.equal(told['sha256'], sha256(readFileSync('/bin/true')));
    const [marker] = readFileSync(`/proc/${second.pid}/task/${second.pid}/children`, 'utf8').trim().split(' ');
    assert.match(readFileSync(`/proc/${marker}/status`, 'utf8'), /NoNewPrivs:\t1\nSeccomp:\t2\n/);
    process.kill(Number(marker), 'SIGKILL');
    await life.until(() => life.told('files.note').find(({ text }) => String(text).includes('mounted from now on is not hashed')), 'that it ended');
  });

  it('gives up every right but the one to read what is not its own', async () => {
    const { reader } = await open(() => undefined);
    const status = readFileSync(`/proc/${reader.pid}/status`, 'utf8');
    for (const set of ['Prm', 'Eff']) assert.match(status, new RegExp(`Cap${set}:\\t0000000000000004\n`));
    assert.match(status, /CapInh:\t0{16}\n[^]*CapAmb:\t0{16}\n[^]*NoNewPrivs:\t1\n/);
  });
});

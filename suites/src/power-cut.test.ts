// SPDX-License-Identifier: Apache-2.0
// A vault in a guest whose disk is recorded; then its power is cut at many points of that record, after the fact:
// whatever was acknowledged by then is found on the disk as it was then, and the store verifies.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cutPower, guestMissing, loggedBytes, readWriteLog, runGuest, Seeded, VaultProcess, vaultConfig, type LoggedWrite } from '@strongroom/testing';
import { MARK_BYTES, SECRET, VAULT, decodeMark, textOf } from './power-cut.load.ts';

const STRONGROOM = resolve(import.meta.dirname, '../../apps/cli/bin/strongroom');
const VAULT_PROGRAM = resolve(import.meta.dirname, '../../apps/vault/src/main.ts');
const GUEST_PROGRAM = join(import.meta.dirname, 'power-cut.guest.ts');
const SEED = Number(process.env['STRONGROOM_SEED'] ?? 20_261);
/** Of each file system. */
const CUTS = Number(process.env['STRONGROOM_POWER_CUTS'] ?? 6);
const RECORDS = Number(process.env['STRONGROOM_POWER_CUT_RECORDS'] ?? 240);
const MIB = 1024 * 1024;
const MARKS_BYTES = 16 * MIB;

const FILE_SYSTEMS = [
  { filesystem: 'ext4', bytes: 192 * MIB, make: ['mkfs.ext4', '-q', '-m', '0'], check: ['e2fsck', '-fn'] },
  { filesystem: 'xfs', bytes: 320 * MIB, make: ['mkfs.xfs', '-q'], check: ['xfs_repair', '-n'] },
] as const;

type FileSystem = (typeof FILE_SYSTEMS)[number];

/** A cut, and how much of what the disk had not yet made durable comes through it. */
interface Cut {
  readonly entries: number;
  readonly survives: 'none' | 'all' | 'mixed' | 'torn';
}

/** All that the guest said it had acknowledged before entry `end` of the record. */
function ackedBefore(log: string, writes: readonly LoggedWrite[], end: number, marksAt: number): number {
  const last = writes.slice(0, end).findLast(({ kind, at }) => kind === 'write' && at >= marksAt);
  return last === undefined ? 0 : decodeMark(loggedBytes(log, { ...last, length: MARK_BYTES })) ?? 0;
}

/** The first cuts come right behind a mark, where most is owed; the others anywhere, the founding of the deployment included. */
function cutsOf(writes: readonly LoggedWrite[], marksAt: number, random: Seeded): Cut[] {
  const marks = writes.flatMap(({ kind, at }, i) => (kind === 'write' && at >= marksAt ? [i + 1] : []));
  const kinds = ['none', 'torn', 'mixed', 'all'] as const;
  return Array.from({ length: CUTS }, (_, i) => ({
    entries: i % 4 === 3 ? random.between(1, writes.length) : random.pick(marks),
    survives: kinds[i % kinds.length]!,
  }));
}

/** Starts a vault on the disk as the cut left it, here, and asks for everything that was owed. */
async function checkCut(image: string, mounted: string, owed: number): Promise<void> {
  execFileSync('mount', ['-o', 'loop', image, mounted]);
  try {
    await using vault = await VaultProcess.start({ home: join(mounted, 'home'), secret: SECRET, config });
    const found = new Set((await vault.search({ kind: 'data' })).map(({ raw }) => raw));
    const lost = Array.from({ length: owed }, (_, i) => i).filter((i) => !found.has(textOf(i)));
    assert.deepEqual(lost, [], `of ${owed} acknowledged`);
    assert.equal(await vault.stop(), 0);
    verify(vault);
  } finally {
    execFileSync('umount', [mounted]);
  }
}

/** The whole store by the command that auditors have; contents were read above. */
function verify({ paths }: VaultProcess): void {
  const command = ['verify', '--store', paths.store, '--vkey', join(paths.vaultState, 'vkey'), '-o', 'json'];
  const { status, stdout, stderr } = spawnSync(STRONGROOM, command, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}

/** Has the guest's programs loaded once, here: to compile them in there takes minutes. Both end once they are loaded. */
function compileInto(cache: string): void {
  const environment = { ...process.env, NODE_COMPILE_CACHE: cache };
  for (const command of [[GUEST_PROGRAM], ['--no-addons', VAULT_PROGRAM]]) spawnSync(process.execPath, command, { env: environment, stdio: 'ignore' });
}

const missing = guestMissing();
const config = await vaultConfig(VAULT);

// A guest is emulated on one core: both at once.
describe('a vault in a guest', { skip: missing ?? false, concurrency: true }, () => {
  for (const { filesystem, bytes, make, check } of FILE_SYSTEMS) {
    describe(`a power cut on ${filesystem}`, { concurrency: false }, () => {
      const directory = mkdtempSync(join(tmpdir(), 'strongroom-power-'));
      const [blank, disk, log, image, mounted, compiled, configFile] = ['blank', 'disk', 'log', 'image', 'mounted', 'compiled', 'config'].map((name) => join(directory, name)) as [string, string, string, string, string, string, string];
      const random = new Seeded(SEED);
      let writes: LoggedWrite[] = [];

      before(async () => {
        mkdirSync(mounted);
        makeFileSystem(blank, { filesystem, bytes, make, check } as FileSystem);
        copy(blank, disk);
        compileInto(compiled);
        writeFileSync(configFile, JSON.stringify(config));
        const said = await runGuest({
          directory, disk, filesystem, writeLog: log,
          command: [`NODE_COMPILE_CACHE=${compiled}`, process.execPath, GUEST_PROGRAM, '/data/home', '/dev/vda', String(bytes), String(RECORDS), configFile],
        });
        assert.ok(Number(/guest: (\d+) acknowledged/.exec(said)?.[1]) >= RECORDS, said);
        writes = readWriteLog(log);
        const count = (kind: LoggedWrite['kind']): number => writes.filter((write) => write.kind === kind).length;
        console.log(`# ${filesystem}: ${count('write')} writes, ${count('flush')} flushes on record`);
      });
      after(() => rmSync(directory, { recursive: true, force: true }));

      it(`loses nothing that was acknowledged, at ${CUTS} points of the record`, async () => {
        for (const { entries, survives } of cutsOf(writes, bytes, random)) {
          copy(blank, image);
          const fate = (): 'all' | 'none' | 'some' => (survives === 'mixed' || survives === 'torn' ? random.pick(['all', 'none', survives === 'torn' ? 'some' : 'all'] as const) : survives);
          cutPower(log, writes, entries, image, fate, () => random.fraction());
          const owed = ackedBefore(log, writes, entries, bytes);
          console.log(`# ${filesystem}: cut after ${entries} of ${writes.length}, ${owed} acknowledged, unsynced writes: ${survives}`);
          await checkCut(image, mounted, owed);
          assert.equal(spawnSync(check[0], [check[1], image]).status, 0, `${check[0]} finds the file system damaged`);
        }
      });

      it('would show a disk that lost what it had made durable', async () => {
        copy(blank, image);
        const flushes = writes.flatMap(({ kind }, i) => (kind === 'flush' ? [i] : []));
        // All flushes of the last third are taken for nothing: what was promised meanwhile is not there.
        const end = writes.length;
        const liar = writes.filter(({ kind }, i) => kind !== 'flush' || i < flushes[Math.floor(flushes.length / 3)]!);
        cutPower(log, liar, liar.length, image, () => 'none', () => random.fraction());
        await assert.rejects(checkCut(image, mounted, ackedBefore(log, writes, end, bytes)));
      });
    });
  }
});

function makeFileSystem(path: string, { bytes, make }: FileSystem): void {
  writeFileSync(path, '');
  truncateSync(path, bytes);
  execFileSync(make[0], [...make.slice(1), path]);
  // Behind the file system there is room for marks.
  truncateSync(path, bytes + MARKS_BYTES);
}

function copy(from: string, to: string): void {
  execFileSync('cp', ['--sparse=always', from, to]);
}

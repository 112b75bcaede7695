// SPDX-License-Identifier: Apache-2.0
// The end of evidence with the real parts: holds, orders of two custodians, destruction, and what remains of it.
import assert from 'node:assert/strict';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { batchRoot, decodeContext, decodeEntry, decodeOrderFile, type BatchEntry, type DestructionProof } from '@strongroom/evidence';
import { RelpClient, startAppliance, type Appliance, type CommandResult } from '@strongroom/testing';
import { missingForReader, runReader } from './second-reader.ts';

const SECRET = '<13>1 - - - - - - pin 4711';
const CONFIG = {
  vault: { reserveBytes: 1_048_576 },
  retention: { classes: { debug: { keepDays: 30, basis: 'a test' } }, rules: [{ source: 'web-*', class: 'debug' }], copies: ['s3://archive'] },
};

async function ok(result: Promise<CommandResult>): Promise<string> {
  const { code, stdout, stderr } = await result;
  assert.equal(code, 0, stderr);
  return stdout;
}

async function json<T>(result: Promise<CommandResult>): Promise<T> {
  return JSON.parse(await ok(result)) as T;
}

/** Sends lines over RELP and waits until they are sealed. */
async function send(appliance: Appliance, identity: string, lines: readonly string[]): Promise<void> {
  const client = new RelpClient({ address: appliance.addresses['relp-tls']!, identity, window: 64 });
  await client.send(lines);
  await client.settle();
  await client.close();
}

interface BucketRow {
  readonly bucket: string;
  readonly segments: number;
  readonly held: number;
  readonly records: number;
  readonly order: { readonly order: string; readonly failure: string | null } | null;
}

async function bucketOf(appliance: Appliance, name: string): Promise<BucketRow | undefined> {
  const rows = await json<BucketRow[]>(appliance.cli('destruction', 'list', '-o', 'json'));
  return rows.find(({ bucket }) => bucket.startsWith(`${name}/`));
}

async function until(wished: () => Promise<boolean>): Promise<void> {
  while (!(await wished())) await delay(200);
}

/** Every file of the home but those of `run`: sockets, locks, compiled code. */
function filesOf(home: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && !entry.parentPath.startsWith(join(home, 'run'))) files.set(join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name)));
  }
  return files;
}

describe('evidence is destroyed by order of two custodians', () => {
  let appliance: Appliance;
  let [anna, bert, web, db] = ['', '', '', ''];
  let id = '';
  let context = '';
  let tokenBefore: string[] = [];
  const token = (): string[] => readdirSync(join(appliance.paths.keysToken, 'token'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.object'));

  before(async () => {
    appliance = await startAppliance({ config: CONFIG });
    tokenBefore = token();
    [web, db] = [await appliance.enrol('web-01'), await appliance.enrol('db-01')];
    [anna, bert] = [await appliance.enrol('anna', '--role', 'custodian'), await appliance.enrol('bert', '--role', 'custodian')];
    await send(appliance, web, [SECRET]);
    await send(appliance, db, ['<13>1 - - - - - - db keeps']);
    const found = await json<{ id: string }[]>(appliance.cli('search', 'pin 4711', '--source', 'web-01', '-o', 'json'));
    id = found[0]!.id;
    context = (await json<{ record: { context: string } }>(appliance.cli('prove', id))).record.context;
  });
  after(() => appliance.stop());

  it('a reader may see what there is, and neither a reader nor one custodian alone may destroy', async () => {
    const carl = await appliance.enrol('carl', '--role', 'reader');
    const { bucket } = (await bucketOf(appliance, 'debug'))!;
    assert.equal((await appliance.cli('destruction', 'list', '--identity', carl)).code, 0);
    assert.match((await appliance.cli('destruction', 'order', bucket, '--file', join(appliance.home, 'x'), '--reason', 'x', '--identity', carl)).stderr, /\[read\.not-permitted\]/);
    assert.match((await appliance.cli('search', 'x', '--identity', anna)).stderr, /\[read\.not-permitted\]/);
    assert.match((await appliance.cli('destruction', 'approve', bucket, '--identity', anna)).stderr, /\[order\.reason\]/, 'not over its time');
    await ok(appliance.cli('destruction', 'approve', bucket, '--identity', anna, '--reason', 'erasure request 17'));
    assert.match((await appliance.cli('destruction', 'approve', bucket, '--identity', anna)).stderr, /\[approve\.twice\]/);
    assert.equal((await bucketOf(appliance, 'debug'))!.segments, 1);
  });

  it('what a legal hold keeps stays, whatever is ordered, until two custodians release it', async () => {
    const { hold } = await json<{ hold: string }>(appliance.cli('hold', 'add', '--query', 'pin 4711', '--source', 'web-01', '--reference', 'CASE-12', '--reason', 'letter', '--identity', anna, '-o', 'json'));
    const { bucket } = (await bucketOf(appliance, 'debug'))!;
    await ok(appliance.cli('destruction', 'approve', bucket, '--identity', bert));
    await until(async () => (await bucketOf(appliance, 'debug'))!.order!.failure !== null);
    assert.match((await bucketOf(appliance, 'debug'))!.order!.failure!, /nothing of debug/);
    assert.equal((await json<unknown[]>(appliance.cli('search', 'pin 4711', '--source', 'web-01', '-o', 'json'))).length, 1);
    await ok(appliance.cli('hold', 'release', hold, '--reason', 'case closed', '--identity', anna));
    assert.equal((await json<unknown[]>(appliance.cli('hold', 'list', '-o', 'json'))).length, 1, 'one custodian alone releases nothing');
    await ok(appliance.cli('hold', 'release', hold, '--reason', 'case closed', '--identity', bert));
    await until(async () => (await json<unknown[]>(appliance.cli('hold', 'list', '-o', 'json'))).length === 0);
  });

  it('with the second approval it is gone, and what remains proves that it was here and by whose order it went', async () => {
    // The order that the hold held up still waits, approved, and goes on by itself.
    await until(async () => (await bucketOf(appliance, 'debug')) === undefined);
    const proof = await json<DestructionProof>(appliance.cli('prove', id));
    const file = join(appliance.home, 'proof.json');
    writeFileSync(file, JSON.stringify(proof));
    const proven = await json<{ ok: boolean; batch: { records: number }; destruction: { custodians: string[]; reason: string; copiesNotReached: string[] } }>(appliance.cli('verify-proof', file, '-o', 'json'));
    assert.deepEqual(proven.destruction.custodians.map((one) => basename(one)), ['anna', 'bert']);
    assert.equal(proven.destruction.reason, 'erasure request 17');
    assert.ok(proven.destruction.copiesNotReached.includes('s3://archive') && proven.destruction.copiesNotReached.includes('backups-of-the-HSM'));
    assert.match((await appliance.cli('show', id)).stderr, /\[read\.destroyed\]/);
    assert.match((await appliance.cli('search', 'db keeps')).stdout, /db keeps/);
    assert.match((await appliance.cli('search', 'pin 4711', '--source', 'web-01')).stderr, /destroyed by order of two custodians/);
    const verdict = await json<{ ok: boolean; contents: string; destroyedSegments: number }>(appliance.cli('verify', '-o', 'json'));
    assert.deepEqual([verdict.ok, verdict.contents, verdict.destroyedSegments], [true, 'checked', 1]);
  });

  it('a snapshot of such a store verifies, and so does the second reader', async (t) => {
    const copy = join(appliance.home, 'copy');
    await ok(appliance.cli('snapshot', copy));
    const vkey = join(appliance.home, 'vkey');
    writeFileSync(vkey, await ok(appliance.cli('vkey')));
    assert.equal((await appliance.cli('verify', '--store', copy, '--vkey', vkey, '--ca', appliance.paths.ca)).code, 0);
    const missing = missingForReader();
    if (missing !== undefined) return t.skip(missing);
    const { code, stdout, stderr } = runReader('reader.py', [copy, '--vkey', vkey]);
    assert.equal(code, 0, stderr);
    assert.equal((JSON.parse(stdout) as { destroyed: number }).destroyed, 1);
    const [order] = readdirSync(join(copy, 'orders')).filter((name) => decodeOrderFile(readFileSync(join(copy, 'orders', name))).order.kind === 'destroy');
    rmSync(join(copy, 'orders', order!));
    assert.equal(runReader('reader.py', [copy, '--vkey', vkey]).code, 3);
    assert.equal((await appliance.cli('verify', '--store', copy, '--vkey', vkey)).code, 3);
    return undefined;
  });

  it('nothing that is left on the disk confirms a guess of the line', async () => {
    await appliance.halt();
    const files = filesOf(appliance.home);
    const proof = JSON.parse(readFileSync(join(appliance.home, 'proof.json'), 'utf8')) as DestructionProof;
    const entry = decodeEntry(Buffer.from(proof.entry.bytes, 'base64')) as BatchEntry;
    assert.equal(entry.records, 1, 'the search for a seed is for a batch of one record');
    // The guess is perfect: the line, its receipt, its place are known. What is not known is the seed.
    const guess = { raw: Buffer.from(SECRET), context: Buffer.from(context, 'base64'), root: entry.root };
    assert.equal(decodeContext(guess.context).source.split('/').at(-1), 'web-01');
    assert.ok(findsSeeds(guess), 'a seed that is there is found');
    for (const [path, bytes] of files) {
      assert.ok(!bytes.includes(SECRET) && !bytes.includes('pin 4711'), path);
      assert.ok(!bytes.includes(Buffer.from(SECRET).toString('base64')) && !bytes.includes(Buffer.from(SECRET).toString('hex')), path);
      for (const digest of unsalted(guess.raw, guess.context)) for (const form of [digest, Buffer.from(digest.toString('hex')), Buffer.from(digest.toString('base64'))]) assert.ok(!bytes.includes(form), `${path} holds a hash of the line without a salt`);
      if (basename(path) !== 'reserve') assert.equal(seedIn(bytes, guess), null, `${path} holds the seed`);
    }
    for (const path of files.keys()) assert.ok(!path.includes(entry.segment), path);
    assert.deepEqual(token().toSorted(), tokenBefore.toSorted(), 'the keys that came with the line and with its hold are gone, and no other');
  });
});

function sha256(...parts: readonly Buffer[]): Buffer {
  return parts.reduce((sum, part) => sum.update(part), createHash('sha256')).digest();
}

/** Hashes by which somebody could look for the line who has not its salt. */
function unsalted(raw: Buffer, context: Buffer): Buffer[] {
  const digest = sha256(context);
  const sequence = Buffer.alloc(8);
  return [sha256(raw), sha256(Buffer.of(0), raw), sha256(Buffer.of(0), digest, sequence, raw), sha256(Buffer.of(0), Buffer.alloc(16), digest, sequence, raw)];
}

interface Guess {
  readonly raw: Buffer;
  readonly context: Buffer;
  readonly root: Buffer;
}

/** The same search where the answer lies in the haystack. */
function findsSeeds({ raw, context }: Guess): boolean {
  const [seed, lengths] = [randomBytes(32), Buffer.alloc(4)];
  lengths.writeUInt32BE(raw.length);
  const root = batchRoot(seed, [{ context, firstSequence: 0, count: 1, lengths, data: raw }]);
  return seedIn(Buffer.concat([randomBytes(99), seed, randomBytes(99)]), { raw, context, root })?.equals(seed) === true;
}

/** The 32 octets anywhere in `bytes` that make the leaf of the guess the root of its batch, in which it is alone. */
function seedIn(bytes: Buffer, { raw, context, root }: Guess): Buffer | null {
  const prefix = Buffer.alloc(1 + 16 + 32 + 8);
  createHash('sha256').update(context).digest().copy(prefix, 17);
  for (let at = 0; at + 32 <= bytes.length; at += 1) {
    const seed = bytes.subarray(at, at + 32);
    createCipheriv('aes-256-ctr', seed, Buffer.alloc(16)).update(Buffer.alloc(16)).copy(prefix, 1);
    if (createHash('sha256').update(prefix).update(raw).digest().equals(root)) return seed;
  }
  return null;
}

/** A supervisor's death ends all services in order, which takes its time. */
const ROUNDS = { vault: 3, keys: 3, supervisor: 1 } as const;

describe('kill -9 while evidence is destroyed', () => {
  for (const victim of ['vault', 'keys', 'supervisor'] as const) {
    it(`of the ${victim}, again and again: it is finished, and the store is what its checkpoint says`, async () => {
      await using appliance = await startAppliance({ config: CONFIG });
      const [web, anna, bert] = [await appliance.enrol('web-01'), await appliance.enrol('anna', '--role', 'custodian'), await appliance.enrol('bert', '--role', 'custodian')];
      for (let round = 0; round < ROUNDS[victim]; round += 1) {
        await send(appliance, web, [`<13>1 - - - - - - line ${round}`]);
        const { bucket } = (await bucketOf(appliance, 'debug'))!;
        await ok(appliance.cli('destruction', 'approve', bucket, '--identity', anna, '--reason', `round ${round}`));
        const approved = appliance.cli('destruction', 'approve', bucket, '--identity', bert);
        await delay(300 + 40 * round);
        for (let i = 0; i < 4; i += 1) {
          await delay(60 * i);
          if (victim === 'supervisor') { await appliance.crash(); await appliance.start(); } else await appliance.kill(victim);
        }
        await approved;
        await appliance.until(({ services }) => services.every(({ state }) => state === 'running' || state === 'degraded'), 'all to run again');
        if (((await bucketOf(appliance, 'debug'))?.order ?? null) === null) continue; // The approval itself was lost with the vault, or it is done.
        const waiting = await bucketOf(appliance, 'debug');
        if (waiting !== undefined) await appliance.cli('destruction', 'approve', bucket, '--identity', bert);
        await until(async () => (await bucketOf(appliance, 'debug')) === undefined);
      }
      const verdict = await json<{ ok: boolean; destroyedSegments: number; facts: { code: string }[] }>(appliance.cli('verify', '-o', 'json'));
      assert.ok(verdict.ok && verdict.destroyedSegments >= 1, JSON.stringify(verdict));
      assert.ok(!verdict.facts.some(({ code }) => code === 'destroy.under-way' || code === 'segment.remains'));
    });
  }
});

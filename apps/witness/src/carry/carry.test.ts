// SPDX-License-Identifier: Apache-2.0
// Rounds with real witnesses in processes of their own, and with such as one does not wish for.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { Failed, Refused } from '@strongroom/bytes';
import { cosignaturesOf, cosignerVkey, openCheckpoint, parsePolicy, type Policy } from '@strongroom/evidence';
import { WitnessProcess } from '@strongroom/testing';
import { GrowingLog } from '../testing/growing-log.ts';
import { BEHAVIOURS, HostileServer } from '../testing/hostile-server.ts';
import { Peer } from './peer.ts';
import { Rounds } from './rounds.ts';
import type { VaultLine } from './vault-line.ts';

const anyKey = (name: string): string => cosignerVkey(name, generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }));
const policyOf = (lines: readonly (readonly [name: string, vkey: string, url: string])[], quorum: string): Policy =>
  parsePolicy(Buffer.from(`${lines.map(([name, vkey, url]) => `witness ${name} ${vkey} ${url}\n`).join('')}group all-of-them ${quorum} ${lines.map(([name]) => name).join(' ')}\nquorum all-of-them\n`));

/** What a peer needs of a vault, over a log in memory. */
class Vault implements Pick<VaultLine, 'consistency' | 'seen' | 'claims'> {
  readonly log: GrowingLog;
  readonly claimed: [string, number][] = [];
  readonly shown: [string, number][] = [];
  constructor(log: GrowingLog) { this.log = log; }
  async consistency(from: number, to: number): Promise<Buffer[]> { return this.log.consistency(from, to); }
  async claims(who: string, size: number): Promise<void> { this.claimed.push([who, size]); }
  async seen(who: string, note: string): Promise<number> {
    const { size } = openCheckpoint(note, this.log.key);
    this.shown.push([who, size]);
    if (size > this.log.size) throw new Refused('vault.rollback', 'older');
    return size;
  }
}

/** Runs rounds until so many checkpoints came home; each is a quorum's by the policy. */
async function carried(vault: Vault, policy: Policy, count: number): Promise<{ sizes: number[]; names: string[]; failures: string[] }> {
  const stop = new AbortController();
  const [sizes, names, failures] = [[] as number[], [] as string[], [] as string[]];
  const done = Promise.withResolvers<void>();
  const peers = policy.witnesses.map((witness) => new Peer(witness, vault.log.origin, vault));
  const rounds = new Rounds({
    policy, peers,
    published: async (after) => {
      if (vault.log.size <= after) vault.log.grow(1 + Math.floor(Math.random() * 50));
      return vault.log.published;
    },
    cosigned: async (note) => {
      sizes.push(openCheckpoint(note, vault.log.key).size);
      names.push(policy.witnesses.filter(({ key }) => cosignaturesOf(note, [key]).length > 0).map(({ name }) => name).join(' '));
      if (sizes.length >= count) done.resolve();
    },
    failed: (peer, error) => { failures.push(`${peer.name} ${(error as Failed).code}`); },
    succeeded: () => undefined,
  }, stop.signal);
  const running = rounds.run();
  await Promise.race([done.promise, running]);
  stop.abort();
  await running;
  return { sizes, names, failures };
}

test('with one witness of three dead and one hostile, the quorum of the policy holds and each round is one checkpoint', async () => {
  const log = new GrowingLog('ours.example/log');
  const vault = new Vault(log);
  log.grow(40);
  await using one = await WitnessProcess.start({ name: 'one.example/w', logs: [log.vkey] });
  await using two = await WitnessProcess.start({ name: 'two.example/w', logs: [log.vkey] });
  await using hostile = await HostileServer.start(BEHAVIOURS.drip);
  const policy = policyOf([['one', one.vkey, one.url], ['two', two.vkey, two.url], ['dead', anyKey('dead/w'), 'http://127.0.0.1:1'], ['drips', anyKey('drips/w'), hostile.url]], '2');
  const { sizes, names, failures } = await carried(vault, policy, 3);
  assert.deepEqual(names, ['one two', 'one two', 'one two']);
  assert.deepEqual(sizes, sizes.toSorted((a, b) => a - b));
  assert.ok(failures.includes('dead witness.unreachable'));
});

test('a witness that has lost its memory, or knows more than we remember, is found by what it says', async () => {
  const log = new GrowingLog('ours.example/log');
  log.grow(10);
  await using witness = await WitnessProcess.start({ name: 'one.example/w', logs: [log.vkey] });
  const policy = policyOf([['one', witness.vkey, witness.url]], 'all');
  assert.equal((await carried(new Vault(log), policy, 1)).sizes.length, 1);
  const [vault, stop] = [new Vault(log), new AbortController().signal];
  const peer = new Peer(policy.witnesses[0]!, log.origin, vault);
  log.grow(5);
  assert.match(await peer.cosign(log.published, stop), /^— one\.example\/w /);
  assert.equal(await peer.ask(log.published, stop), 'known');
  assert.deepEqual(vault.shown, [['one', log.size]]);
});

test('a witness to which the log is new stays one, until we meet it again', async () => {
  const log = new GrowingLog('ours.example/log');
  log.grow(10);
  await using witness = await WitnessProcess.start({ name: 'one.example/w', logs: [log.vkey] });
  const policy = policyOf([['one', witness.vkey, witness.url]], 'all');
  const [vault, stop] = [new Vault(log), new AbortController().signal];
  const peer = new Peer(policy.witnesses[0]!, log.origin, vault);
  assert.equal(await peer.ask(null, stop), 'unknown');
  assert.equal(await peer.ask(log.published, stop), 'unknown');
  log.grow(5);
  await peer.cosign(log.published, stop);
  assert.equal(await peer.ask(log.published, stop), 'unknown', 'what it shows now it has of us');
  assert.equal(await new Peer(policy.witnesses[0]!, log.origin, vault).ask(log.published, stop), 'known');
});

test('a witness that only names a size is known where it follows, and ahead where it names more', async () => {
  const log = new GrowingLog('ours.example/log');
  log.grow(20);
  await using witness = await WitnessProcess.start({ name: 'one.example/w', logs: [log.vkey] });
  await using quiet = await HostileServer.start((request, response) => {
    if (request.method === 'GET') return void response.writeHead(404).end();
    const passed = httpRequest(`${witness.url}${request.url}`, { method: 'POST' }, (answer) => { response.writeHead(answer.statusCode ?? 500); answer.pipe(response); });
    request.pipe(passed);
  });
  const policy = policyOf([['one', witness.vkey, quiet.url]], 'all');
  const stop = new AbortController().signal;
  const meet = (vault: Vault): Peer => new Peer(policy.witnesses[0]!, log.origin, vault);
  assert.equal(await meet(new Vault(log)).ask(log.published, stop), 'unknown');
  log.grow(20);
  assert.equal(await meet(new Vault(log)).ask(log.published, stop), 'known');
  const back = new GrowingLog('ours.example/log', log);
  back.grow(12);
  const older = new Vault(back);
  assert.equal(await meet(older).ask(back.published, stop), 'ahead');
  assert.deepEqual([older.shown, older.claimed], [[], [['one', 40]]]);
});

test('a witness that has seen more shows it, and the vault is told', async () => {
  const log = new GrowingLog('ours.example/log');
  log.grow(30);
  await using witness = await WitnessProcess.start({ name: 'one.example/w', logs: [log.vkey] });
  const policy = policyOf([['one', witness.vkey, witness.url]], 'all');
  await carried(new Vault(log), policy, 1);
  const back = new GrowingLog('ours.example/log', log);
  back.grow(12);
  const [vault, stop] = [new Vault(back), new AbortController().signal];
  const peer = new Peer(policy.witnesses[0]!, log.origin, vault);
  await assert.rejects(peer.ask(back.published, stop), { name: 'Refused', code: 'vault.rollback' });
  await assert.rejects(peer.cosign(back.published, stop), { name: 'Failed', code: 'witness.ahead' });
  assert.deepEqual([vault.shown.length, vault.claimed.length], [1, 1]);
});

const EXPECTED: Readonly<Record<keyof typeof BEHAVIOURS, string>> = {
  garbage: 'witness.no-cosignature', huge: 'witness.answer-too-long', drip: 'witness.unreachable', silent: 'witness.unreachable', cut: 'witness.unreachable',
  undecided: 'witness.undecided', senseless: 'witness.refused', redirect: 'witness.refused', boasts: 'witness.ahead',
};
for (const [name, behaviour] of Object.entries(BEHAVIOURS) as [keyof typeof BEHAVIOURS, (typeof BEHAVIOURS)[keyof typeof BEHAVIOURS]][]) {
  test(`a hostile witness ends in an error of its own, in bounded time and memory: ${name}`, { concurrency: true }, async () => {
    const log = new GrowingLog('ours.example/log');
    log.grow(9);
    await using hostile = await HostileServer.start(behaviour);
    const peer = new Peer(policyOf([['h', anyKey('h/w'), hostile.url]], 'all').witnesses[0]!, log.origin, new Vault(log));
    const before = process.memoryUsage().rss;
    await assert.rejects(peer.cosign(log.published, new AbortController().signal), (error: unknown) => {
      // A size may be named twice in a row by chance.
      assert.ok(error instanceof Failed && (error.code === EXPECTED[name] || (name === 'undecided' && error.code === 'witness.refused')), String((error as Failed).code));
      return true;
    });
    assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
    assert.ok(hostile.requests <= 5);
  });
}

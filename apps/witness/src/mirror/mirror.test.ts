// SPDX-License-Identifier: Apache-2.0
// A mirror in a process of its own, fed by the client that appliances use, from stores with whole, torn and open segments.
// What it keeps is verified as any store is; it vouches for nothing that is not all there.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Failed } from '@strongroom/bytes';
import {
  bundlePath, consistencyPath, decodeBundle, encodeAddEntriesHeader, encodePackage, openCheckpoint, packagesOf, parsePartName, parsePolicy, subtreePath, tilePath, verifyStore,
  type EntryPackage,
} from '@strongroom/evidence';
import { BuiltStream, buildStore, memoryStore, StoreBuilder, syslogMessage, WitnessProcess, type BuiltStore } from '@strongroom/testing';
import { MirrorPeer } from '../carry/mirror-peer.ts';
import type { Published, VaultLine } from '../carry/vault-line.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-mirror-'));
after(() => rmSync(root, { recursive: true }));
const never = new AbortController().signal;

/** What a mirror's client asks of a vault, answered out of a built store. */
class Vault implements Pick<VaultLine, 'consistency' | 'seen' | 'claims' | 'entries' | 'segment'> {
  store: BuiltStore;
  /** Of octets that are handed out. */
  alter: (bytes: Buffer) => Buffer = (bytes) => bytes;
  sent = 0;
  constructor(store: BuiltStore) { this.store = store; }
  get published(): Published { return { note: this.store.checkpoint, size: this.store.size }; }
  #log(path: string): Buffer {
    const [full] = path.split('.p/');
    return this.store.files.get(`log/${full}`) ?? [...this.store.files].find(([name]) => name.startsWith(`log/${full}.p/`))![1];
  }
  readonly #tile = ({ level, index, width }: { level: number; index: number; width: number }): Buffer => this.#log(tilePath(level, index, width)).subarray(0, width * 32);
  async consistency(from: number, to: number): Promise<Buffer[]> { return consistencyPath(from, to, this.#tile); }
  async seen(_: string, note: string): Promise<number> { return openCheckpoint(note, this.store.key).size; }
  async claims(): Promise<void> { /* said, and nothing more */ }
  async entries(start: number, end: number, size: number): Promise<EntryPackage> {
    const base = start - (start % 256);
    const all = decodeBundle(this.#log(bundlePath(base / 256, 256)), Math.min(256, this.store.size - base));
    return { entries: all.slice(start - base, end - base), proof: subtreePath(base, end, size, this.#tile) };
  }
  async segment(segment: string, offset: number, length: number): Promise<Buffer> {
    const parts = [...this.store.files].flatMap(([path, bytes]) => {
      const part = parsePartName(path.replace('segments/', ''));
      return part?.segment === segment ? [{ offset: part.offset, bytes }] : [];
    }).toSorted((a, b) => a.offset - b.offset);
    const at = parts.findLastIndex((part) => part.offset <= offset);
    const end = Math.min(offset + Math.min(length, 10_000), parts[at + 1]?.offset ?? Infinity);
    const bytes = parts[at]!.bytes.subarray(offset - parts[at]!.offset, end - parts[at]!.offset);
    this.sent += bytes.length;
    return this.alter(Buffer.from(bytes));
  }
}

async function mirrorFor(vault: Vault): Promise<{ witness: WitnessProcess; peer: MirrorPeer; copy: string }> {
  const directory = mkdtempSync(join(root, 'copies-'));
  const witness = await WitnessProcess.start({ name: 'm.example/w', logs: [vault.store.vkey], mirror: directory });
  const policy = parsePolicy(Buffer.from(`witness m ${witness.mirrorVkey} ${witness.url}/mirror\nquorum m\n`));
  const copy = join(directory, createHash('sha256').update(vault.store.origin).digest('hex'));
  return { witness, peer: new MirrorPeer(policy.witnesses[0]!, vault.store.origin, vault), copy };
}

/** What lies in a directory, by path. */
function filesIn(directory: string): Map<string, Buffer> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(files.map((entry) => [join(entry.parentPath, entry.name).slice(directory.length + 1), readFileSync(join(entry.parentPath, entry.name))]));
}

function verified(copy: string, store: BuiltStore): { ok: boolean; size: number; records: number; failures: readonly unknown[]; contents: string } {
  const files = filesIn(copy);
  const { ok, logSize, records, failures, contents } = verifyStore(memoryStore(files), { key: store.key, dataKey: (segment) => store.dataKeys.get(segment) ?? null });
  return { ok, size: logSize, records, failures, contents };
}

test('it keeps the whole store, byte for byte what the log says, and is verified like one', async () => {
  const vault = new Vault(buildStore(700));
  const { witness, peer, copy } = await mirrorFor(vault);
  await using _ = witness;
  const line = await peer.cosign(vault.published, never);
  assert.match(line, /^— m\.example\/w-mirror /);
  assert.deepEqual(verified(copy, vault.store), { ok: true, size: 700, records: vault.store.records, failures: [], contents: 'checked' });
  const sent = vault.sent;
  assert.match(await peer.cosign(vault.published, never), /^— m\.example/);
  assert.equal(vault.sent, sent, 'nothing is sent twice');
  const shown = await (await fetch(`${witness.url}/mirror/${copy.split('/').at(-1)}/checkpoint`)).text();
  assert.ok(shown.includes('m.example/w-mirror'));
  assert.equal((await fetch(`${witness.url}/mirror/${copy.split('/').at(-1)}/tile/0/000`)).status, 200);
  assert.equal((await fetch(`${witness.url}/mirror/${copy.split('/').at(-1)}/tile/0/..%2f..%2fkey.pem`)).status, 404);
});

test('it follows a store that grows: open segments, rotation, a torn one; and goes on after kills', async () => {
  const builder = new StoreBuilder();
  const stream = new BuiltStream(builder);
  const steps = [
    () => builder.start().batch([stream.run([syslogMessage(1), syslogMessage(2, 20_000)])]),
    () => builder.batch([stream.run([syslogMessage(3)])]),
    () => builder.heartbeat(),
    () => builder.closeSegment(),
    () => { for (let i = 0; i < 300; i += 1) builder.heartbeat(); },
    () => builder.batch([stream.run([syslogMessage(4)])]).batch([stream.run([syslogMessage(5)])]),
    () => builder.tearSegment(),
    () => builder.start(1).batch([stream.run([syslogMessage(6)])]),
  ];
  steps.shift()!();
  const vault = new Vault(builder.build());
  const { witness, peer, copy } = await mirrorFor(vault);
  await using _ = witness;
  await peer.cosign(vault.published, never);
  for (const step of steps) {
    step();
    vault.store = builder.build();
    if (Math.random() < 0.5) {
      await witness.kill();
      await witness.start();
    }
    await peer.cosign(vault.published, never);
    const { ok, size, failures } = verified(copy, vault.store);
    assert.deepEqual([ok, size, failures], [true, vault.store.size, []]);
  }
});

test('killed in the middle of an upload, it vouches for nothing until all is there', async () => {
  const vault = new Vault(buildStore(600));
  const { witness, peer, copy } = await mirrorFor(vault);
  await using _ = witness;
  let killed = false;
  vault.alter = (bytes) => {
    if (!killed) {
      killed = true;
      void witness.kill();
    }
    return bytes;
  };
  await assert.rejects(peer.cosign(vault.published, never), { name: 'Failed', code: 'witness.unreachable' });
  assert.equal(filesIn(copy).has('log/checkpoint'), false);
  await witness.start();
  assert.match(await peer.cosign(vault.published, never), /^— m\.example/);
  assert.equal(verified(copy, vault.store).ok, true);
});

test('octets that are not what the log says are refused and not kept', async () => {
  const vault = new Vault(buildStore(20));
  const { witness, peer, copy } = await mirrorFor(vault);
  await using _ = witness;
  vault.alter = (bytes) => { bytes[bytes.length - 1]! ^= 1; return bytes; };
  await assert.rejects(peer.cosign(vault.published, never), (error: unknown) => error instanceof Failed && error.code === 'witness.refused' && /status 422/.test(error.why ?? ''));
  assert.equal(filesIn(copy).has('log/checkpoint'), false);
  vault.alter = (bytes) => bytes;
  await peer.cosign(vault.published, never);
  assert.equal(verified(copy, vault.store).ok, true);
});

test('add-entries as the specification says: conflicts, prefixes, gzip, foreign and forged entries', async () => {
  const vault = new Vault(buildStore(600));
  const { witness, peer } = await mirrorFor(vault);
  await using _ = witness;
  const { origin: name } = vault.store;
  const to = async (body: Buffer, headers: Record<string, string> = {}): Promise<[number, string]> => {
    const answer = await fetch(`${witness.url}/mirror/add-entries`, { method: 'POST', body: new Uint8Array(body), headers: { 'content-type': 'application/octet-stream', ...headers } });
    return [answer.status, await answer.text()];
  };
  const header = (start: number, end: number, origin = name): Buffer => encodeAddEntriesHeader({ origin, start, end, ticket: Buffer.alloc(0) });
  const packages = async (start: number, end: number): Promise<Buffer[]> => {
    const all: Buffer[] = [];
    for (const span of packagesOf(start, end)) all.push(encodePackage(await vault.entries(span.start, span.end, end)));
    return all;
  };
  assert.equal((await to(header(0, 600)))[0], 422, 'no checkpoint yet');
  assert.equal((await to(header(0, 600, 'x')))[0], 404);
  assert.equal((await to(Buffer.from('\0')))[0], 400);
  const add = `old 0\n\n${vault.store.checkpoint}`;
  assert.equal((await fetch(`${witness.url}/mirror/add-checkpoint`, { method: 'POST', body: add })).status, 200);
  const [first, next, last] = await packages(0, 600) as [Buffer, Buffer, Buffer];
  assert.deepEqual(await to(header(256, 600)), [409, '600\n0\n\n'], 'ahead of what is here');
  assert.deepEqual(await to(header(0, 599)), [409, '600\n0\n\n'], 'no checkpoint of that size');
  assert.equal((await to(header(0, 600)))[0], 400, 'no package');
  const forged = Buffer.from(first);
  forged[10]! ^= 1;
  assert.equal((await to(Buffer.concat([header(0, 600), forged])))[0], 422);
  assert.deepEqual(await to(Buffer.concat([header(0, 600), first])), [202, '600\n256\n\n'], 'a prefix');
  assert.deepEqual(await to(gzipSync(Buffer.concat([header(0, 600), first, next, last.subarray(0, 50)])), { 'content-encoding': 'gzip' }), [202, '600\n512\n\n'], 'again, and more, and a torn one');
  const [rest] = await packages(550, 600) as [Buffer];
  assert.deepEqual(await to(Buffer.concat([header(550, 600), rest])), [409, '600\n512\n\n'], 'a gap');
  const [tail] = await packages(512, 600) as [Buffer];
  assert.deepEqual(await to(Buffer.concat([header(512, 600), tail])), [202, '600\n600\n\n'], 'all entries, no segments');
  assert.match(await peer.cosign(vault.published, never), /^— m\.example/);
  assert.equal((await to(header(600, 600)))[0], 200);
});

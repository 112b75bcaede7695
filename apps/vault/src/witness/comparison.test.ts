// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LogTree, checkpointText, cosignatureLine, cosignedText, cosignerVkey, parseCosignerVkey, parsePolicy, parseVkey, signedNote, splitNote, vkeyLine } from '@strongroom/evidence';
import { SYSTEM_DISK } from '../disk.ts';
import { Comparison } from './comparison.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-comparison-'));
after(() => rmSync(root, { recursive: true }));
const ORIGIN = 'ours/log';
function logKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = parseVkey(vkeyLine(ORIGIN, publicKey.export({ type: 'spki', format: 'der' })));
  return { key, note: (size: number, hash: Buffer) => { const text = checkpointText({ origin: ORIGIN, size, root: hash }); return signedNote(text, key, sign(null, Buffer.from(text), privateKey)); } };
}
const [ours, later] = [logKey(), logKey()];
const cosigners = ['a', 'b', 'c'].map((name) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const vkey = cosignerVkey(`${name}/w`, publicKey.export({ type: 'spki', format: 'der' }));
  return { name, vkey, cosign: (note: string) => note + cosignatureLine(parseCosignerVkey(vkey), 1_790_000_000, sign(null, Buffer.from(cosignedText(splitNote(note).text, 1_790_000_000)), privateKey)) };
});
const policy = parsePolicy(Buffer.from(`${cosigners.map(({ name, vkey }) => `witness ${name} ${vkey}\n`).join('')}group g 2 a b c\nquorum g\n`));
const tree = new LogTree();
const roots = [tree.root()];
for (let i = 0; i < 20; i += 1) {
  tree.append(Buffer.from(`${i}`));
  roots.push(tree.root());
}
function comparison(size = 20, state = mkdtempSync(join(root, 'state-'))): { judge: Comparison; state: string } {
  return { state, judge: new Comparison({ disk: SYSTEM_DISK, vaultState: state, key: () => ours.key, policy, size: () => size, rootAt: (at) => roots[at]! }) };
}

test('a checkpoint of the log’s past or present is what was expected', async () => {
  const { judge, state } = comparison();
  for (const size of [0, 1, 12, 20]) assert.equal(await judge.seen(ours.note(size, roots[size]!), 'a'), size);
  assert.equal(existsSync(join(state, 'contradiction')), false);
});

test('a longer log, or another one, is a contradiction, which the next start remembers until another store is there', async () => {
  for (const [note, code] of [[ours.note(25, randomBytes(32)), 'vault.rollback'], [ours.note(12, randomBytes(32)), 'vault.fork']] as const) {
    const { judge, state } = comparison();
    await assert.rejects(judge.seen(cosigners[0]!.cosign(note), 'a'), (error: Error & { code?: string; why?: string }) => {
      assert.deepEqual([error.code, /cosigned 2026-09-21T/.test(error.why ?? '')], [code, true]);
      return true;
    });
    await assert.rejects(comparison(20, state).judge.again(), { name: 'Refused', code });
  }
  const { judge, state } = comparison(12);
  await Promise.all([1, 2, 3].map((i) => assert.rejects(judge.seen(ours.note(20, roots[20]!), `w${i}`), { code: 'vault.rollback' })));
  const restored = comparison(20, state).judge;
  await restored.again();
  await comparison(12, state).judge.again();
  assert.equal(existsSync(join(state, 'contradiction')), false);
});

test('what the log’s key did not sign stops nobody, unless a quorum vouches for it', async () => {
  const { judge } = comparison();
  const strange = later.note(40, randomBytes(32));
  const refuses = (note: string, who: string, code: string): Promise<void> => assert.rejects(judge.seen(note, who), { name: 'Refused', code });
  await refuses(strange, 'a', 'note.signature');
  await refuses(cosigners[0]!.cosign(strange), 'a', 'note.signature');
  await refuses(cosigners[0]!.cosign(later.note(41, randomBytes(32))), 'a', 'note.signature');
  await refuses(cosigners[1]!.cosign(later.note(3, randomBytes(32))), 'b', 'note.signature');
  await refuses(cosigners[1]!.cosign(strange), 'b', 'vault.rollback');
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate, generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkApproved, checkpointText, decodeOrderFile, parseVkey, signedNote, vkeyLine } from '@strongroom/evidence';
import { layout, type Registry } from '@strongroom/service';
import { TestAuthority, makeCustodian, type TestCustodian } from '@strongroom/testing';
import { memoryIo } from '../memory-io.ts';
import { run } from '../run.ts';
import { VERBS } from './index.ts';

const home = mkdtempSync(join(tmpdir(), 'strongroom-order-'));
const paths = layout(home);
const file = join(home, 'rollback.order');
let [anna, bert]: TestCustodian[] = [];
let authority: TestAuthority;
after(() => rmSync(home, { recursive: true }));

/** A home whose store has 10 entries, where 12 were seen. */
before(async () => {
  authority = await TestAuthority.make();
  [anna, bert] = [await makeCustodian(authority, 'd', 'anna'), await makeCustodian(authority, 'd', 'bert')];
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const vkey = vkeyLine('d/log', publicKey.export({ type: 'spki', format: 'der' }));
  const note = (size: number): string => {
    const text = checkpointText({ origin: 'd/log', size, root: Buffer.alloc(32, size) });
    return signedNote(text, parseVkey(vkey), sign(null, Buffer.from(text), privateKey));
  };
  for (const directory of [paths.log, paths.vaultState]) mkdirSync(directory, { recursive: true });
  writeFileSync(join(paths.vaultState, 'vkey'), vkey);
  writeFileSync(join(paths.vaultState, 'remembered'), note(12));
  writeFileSync(join(paths.log, 'checkpoint'), note(10));
  writeFileSync(paths.ca, authority.certificatePem);
  register({ anna: anna!.enrolment, bert: bert!.enrolment });
  for (const custodian of [anna!, bert!]) identityOf(custodian);
});

function register(custodians: Registry['custodians']): void {
  writeFileSync(paths.registry, JSON.stringify({ sources: {}, readers: {}, custodians }));
}

function identityOf({ name, certificatePem, keyPem }: TestCustodian): string {
  const directory = join(home, name);
  mkdirSync(directory, { recursive: true });
  for (const [one, text] of Object.entries({ 'cert.pem': certificatePem, 'key.pem': keyPem, 'ca.pem': authority.certificatePem })) writeFileSync(join(directory, one), text);
  return directory;
}

async function strongroom(...words: readonly string[]) {
  const io = memoryIo({ now: BigInt(Date.now()) * 1_000_000n });
  const code = await run([...words, '--home', home], VERBS, io);
  return { code, ...io.written };
}

test('an order is drawn up, approved by two custodians from their files, and counts for whoever checks it', async () => {
  const drawn = await strongroom('order', 'accept-rollback', file, '--reason', 'Monday copy restored');
  assert.equal(drawn.code, 0, drawn.err);
  assert.match(drawn.out, /given up +2 entries: 12 were seen, the store has 10/);
  assert.match(drawn.out, /Two different custodians must approve it/);
  assert.match((await strongroom('approve', file, '--identity', join(home, 'anna'))).out, /One more custodian must approve it/);
  const again = await strongroom('approve', file, '--identity', join(home, 'anna'));
  assert.equal(again.code, 1);
  assert.match(again.err, /\[approve\.twice\]/);
  assert.match((await strongroom('approve', file, '--identity', join(home, 'bert'))).out, /It is approved/);
  const approved = checkApproved(decodeOrderFile(readFileSync(file)), { origin: 'd/log', authority: new X509Certificate(authority.certificatePem).raw });
  assert.deepEqual(approved.map(({ name }) => name), ['anna', 'bert']);
});

test('an order that somebody not enrolled approved is shown as not approved', async () => {
  register({ anna: anna!.enrolment, bert: { ...bert!.enrolment, revokedAt: '2026-01-01T00:00:00Z' } });
  const { out, code } = await strongroom('order', 'show', file, '-o', 'json');
  assert.equal(code, 0);
  const shown = JSON.parse(out) as { approved: boolean; approvals: { custodian: string; counts: boolean; code: string | null }[] };
  assert.deepEqual([shown.approved, shown.approvals.map(({ counts, code: why }) => [counts, why])], [false, [[true, null], [false, 'approval.standing']]]);
  register({ anna: anna!.enrolment, bert: bert!.enrolment });
});

test('an order is not written over another, nor without a reason', async () => {
  assert.match((await strongroom('order', 'accept-rollback', file, '--reason', 'x')).err, /\[order\.exists\]/);
  assert.match((await strongroom('order', 'accept-rollback', `${file}.2`)).err, /\[usage\.reason\]/);
});

test('who is no custodian, or of another deployment, approves nothing', async () => {
  const reader = identityOf(await makeCustodian(authority, 'd', 'carl', { uris: ['spiffe://d/reader/carl'] }));
  assert.match((await strongroom('approve', file, '--identity', reader)).err, /\[approval\.custodian\]/);
  assert.match((await strongroom('approve', file, '--identity', join(home, 'nobody'))).err, /\[approve\.no-identity\]/);
  const elsewhere = identityOf(await makeCustodian(await TestAuthority.make(), 'd', 'dora'));
  writeFileSync(join(elsewhere, 'ca.pem'), (await TestAuthority.make()).certificatePem);
  assert.match((await strongroom('approve', file, '--identity', elsewhere)).err, /\[approve\.authority\]/);
  assert.match((await strongroom('approve', file)).err, /\[usage\.identity\]/);
});

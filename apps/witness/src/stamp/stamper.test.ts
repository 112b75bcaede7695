// SPDX-License-Identifier: Apache-2.0
// With a real time stamping authority (openssl), and in its worse moods.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failed } from '@strongroom/bytes';
import { timestampTrust, verifyTimestamp } from '@strongroom/evidence';
import type { Fields, KeptTimestamp } from '@strongroom/service';
import { TestTimestampAuthority, stampingIdentity, type Mood } from '@strongroom/testing';
import { Stamper, type StampFacts } from './stamper.ts';

const NOTE = Buffer.from('ours.example/log\n7\nAAAA\n\n— ours.example/log AAAA\n');
const KEPT: KeptTimestamp = { size: 7, at: '2026-03-01T12:00:00.000Z', accuracyNs: null, authority: 'CN=Test TSA', serial: '1', policy: '1.2.3' };
const noVault: StampFacts['vault'] = { stampNext: async () => ({ offer: null, dueInMs: 1000, last: null }), stamped: async () => KEPT, report: async () => undefined };

function stamper(authority: TestTimestampAuthority, url: string, more: Partial<StampFacts> = {}): Stamper {
  return new Stamper({
    url, policy: undefined, timeoutMs: 20_000, trust: timestampTrust([authority.root.certificate]), vault: noVault,
    stop: new AbortController().signal, say: () => undefined, ...more,
  });
}

test('brings a timestamp over exactly these octets, under the policy asked for', async () => {
  await using authority = new TestTimestampAuthority('rsa');
  const url = await authority.listen();
  const response = await stamper(authority, url, { policy: '1.2.3.4.5' }).stamp(NOTE);
  assert.equal(verifyTimestamp(response, NOTE, timestampTrust([authority.root.certificate])).policy, '1.2.3.4.5');
});

const moods: Readonly<Record<Exclude<Mood, 'well' | 'stale' | 'silent'>, string>> = {
  failing: 'witness.timestamp-status', denying: 'timestamp.denied', redirecting: 'witness.timestamp-status', flooding: 'witness.answer-too-long',
};
test('takes nothing else, and every refusal has its code', async () => {
  await using authority = new TestTimestampAuthority();
  const url = await authority.listen();
  for (const [mood, code] of Object.entries(moods)) {
    authority.mood = mood as Mood;
    await assert.rejects(stamper(authority, url).stamp(NOTE), { code }, mood);
  }
  authority.mood = 'silent';
  await assert.rejects(stamper(authority, url, { timeoutMs: 300 }).stamp(NOTE), { code: 'witness.unreachable' });
  authority.mood = 'stale';
  await stamper(authority, url).stamp(NOTE);
  await assert.rejects(stamper(authority, url).stamp(NOTE), { code: 'timestamp.nonce' });
  authority.mood = 'well';
  const others = timestampTrust([stampingIdentity({ commonName: 'Root', authority: true }).certificate]);
  await assert.rejects(stamper(authority, url, { trust: others }).stamp(NOTE), { code: 'timestamp.untrusted' });
  await assert.rejects(stamper(authority, 'http://127.0.0.1:1/').stamp(NOTE), { code: 'witness.unreachable' });
});

test('hands each one to the vault once, tells of failures once, and tries again by itself', async () => {
  await using authority = new TestTimestampAuthority();
  const url = await authority.listen();
  const [stop, told, kept] = [new AbortController(), [] as string[], [] as number[]];
  let [size, away] = [1, 1];
  const tell = (event: string, fields: Fields = {}): void => {
    told.push(`${event} ${String(fields['code'] ?? fields['failures'])}`);
    if (event === 'witness.timestamp-failed') authority.mood = 'well';
  };
  const vault: StampFacts['vault'] = {
    stampNext: async () => {
      if ((away -= 1) === 0) throw new Failed('rpc.unreachable', 'not there yet');
      return kept.length < size ? { offer: { note: NOTE.toString(), size }, dueInMs: 0, last: null } : { offer: null, dueInMs: 10, last: null };
    },
    stamped: async (stamped, response) => {
      verifyTimestamp(response, NOTE, timestampTrust([authority.root.certificate]));
      kept.push(stamped);
      if (size < 3) size += 1;
      else stop.abort();
      return { ...KEPT, size: stamped };
    },
    report: async () => undefined,
  };
  authority.mood = 'failing';
  const running = stamper(authority, url, { vault, stop: stop.signal, say: tell });
  await running.run();
  assert.deepEqual(kept, [1, 2, 3]);
  assert.deepEqual(told, ['witness.timestamp-failed witness.timestamp-status', 'witness.timestamp-back 1']);
  assert.deepEqual(running.values, { timestamps: 3, timestampFailures: 1 });
});

test('stops while it waits for an answer', async () => {
  await using authority = new TestTimestampAuthority();
  authority.mood = 'silent';
  const stop = new AbortController();
  const vault = { ...noVault, stampNext: async () => ({ offer: { note: NOTE.toString(), size: 7 }, dueInMs: 0, last: null }) };
  const running = stamper(authority, await authority.listen(), { vault, stop: stop.signal }).run();
  while (authority.asked === 0) await new Promise((resolve) => { setTimeout(resolve, 10); });
  stop.abort();
  await running;
});

test('takes one that is ordered between, in turn with its own, and tells why there is none', async () => {
  await using authority = new TestTimestampAuthority();
  const url = await authority.listen();
  let [published, kept] = [7, 7];
  const vault: StampFacts['vault'] = {
    stampNext: async () => ({ offer: published > kept ? { note: NOTE.toString(), size: published } : null, dueInMs: 3_600_000, last: { ...KEPT, size: kept } }),
    stamped: async (size) => ({ ...KEPT, size: kept = size }),
    report: async () => undefined,
  };
  const [stop, told] = [new AbortController(), [] as string[]];
  const ours = stamper(authority, url, { vault, stop: stop.signal, say: (event) => { told.push(event); } });
  const running = ours.run();
  const waiting = ours.now(7);
  published = 9;
  assert.equal((await waiting).size, 9);
  assert.equal((await ours.now(7)).size, 9, 'the one that fulfils the wish may have been taken already');
  assert.equal(authority.asked, 1);

  published = 10;
  for (const [mood, code] of [['failing', 'witness.timestamp-status'], ['denying', 'witness.timestamp-answer']] as const) {
    authority.mood = mood;
    await assert.rejects(ours.now(9), (error) => error instanceof Failed && error.code === code);
  }
  assert.ok(told.includes('witness.timestamp-failed'));
  stop.abort();
  await running;
});

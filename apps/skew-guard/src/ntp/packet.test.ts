// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAnswer, encodeRequest } from './packet.ts';
import { later, sampleOf, shortest } from './sample.ts';

const NONCE = Buffer.from('0123456789abcdef', 'hex');
const SECOND = 1_000_000_000n;
/** 2026-09-21T14:13:20Z. */
const NOW = 1_790_000_000n * SECOND;

/** A server's answer: it had the question at `receivedNs` and answered at `sentNs`. */
function answer({ receivedNs = NOW, sentNs = NOW + 1000n, octet = 0x24, stratum = 1, nonce = NONCE }: { receivedNs?: bigint; sentNs?: bigint; octet?: number; stratum?: number; nonce?: Buffer }): Buffer {
  const packet = Buffer.alloc(48);
  packet[0] = octet;
  packet[1] = stratum;
  packet.writeInt8(-20, 3);
  packet.writeUInt32BE(65_536 / 64, 4); // 15.625 ms
  packet.writeUInt32BE(65_536 / 1024, 8);
  packet.write('RATE', 12, 'latin1');
  packet.set(nonce, 24);
  for (const [at, ns] of [[32, receivedNs], [40, sentNs]] as const) {
    packet.writeUInt32BE(Number((ns / SECOND + 2_208_988_800n) % 2n ** 32n), at);
    packet.writeUInt32BE(Number(((ns % SECOND) << 32n) / SECOND), at + 4);
  }
  return packet;
}

test('a request says nothing of our clock, only what its answer has to bring back', () => {
  const request = encodeRequest(NONCE);
  assert.equal(request.toString('hex'), `23${'00'.repeat(39)}0123456789abcdef`);
});

test('an answer is read with what the server says of its own error', () => {
  const read = decodeAnswer(answer({}), NONCE, NOW);
  assert.deepEqual([read.stratum, read.receivedNs, read.sentNs - read.receivedNs, read.rootDelayNs, read.rootDispersionNs], [1, NOW, 999n, 15_625_000, 976_562.5]);
  assert.equal(Math.round(read.precisionNs), 954);
});

test('timestamps of the next era, after 2036, are those nearest to now', () => {
  const then = 2_200_000_000n * SECOND;
  assert.equal(decodeAnswer(answer({ receivedNs: then, sentNs: then }), NONCE, then - 86_400n * SECOND).receivedNs, then);
});

test('what is no answer, or no time, is refused', () => {
  for (const [packet, code] of [
    [Buffer.alloc(47), 'ntp.form'], [Buffer.alloc(2000), 'ntp.form'], [answer({ nonce: Buffer.alloc(8) }), 'ntp.not-an-answer'], [answer({ octet: 0x23 }), 'ntp.not-an-answer'],
    [answer({ octet: 0x14 }), 'ntp.not-an-answer'], [answer({ stratum: 0 }), 'ntp.kiss'], [answer({ octet: 0xe4 }), 'ntp.unsynchronised'], [answer({ stratum: 16 }), 'ntp.unsynchronised'],
    [answer({ sentNs: NOW - 5n * SECOND }), 'ntp.times'],
  ] as const) assert.throws(() => decodeAnswer(packet, NONCE, NOW), { code });
});

test('true time is within a sample, however one-sided the way was', () => {
  for (let share = 0; share <= 10; share += 1) {
    const [wayNs, offset] = [10_000_000n, -123_456_789n];
    const there = (wayNs * BigInt(share)) / 10n;
    const [wallNs, sentNs] = [NOW, 5n * SECOND];
    const receivedThere = wallNs + offset + there;
    const server = { stratum: 1, receivedNs: receivedThere, sentNs: receivedThere + 3000n, rootDelayNs: 0, rootDispersionNs: 0, precisionNs: 0 };
    const sample = sampleOf({ answer: server, sentNs, receivedNs: sentNs + wayNs + 3000n, wallNs });
    assert.ok(Math.abs(sample.offsetNs - Number(offset)) <= sample.errorNs, String(share));
    assert.equal(sample.delayNs, Number(wayNs));
  }
});

test('of a burst the shortest way counts, and it grows old', () => {
  const sample = (delayNs: number) => ({ atNs: SECOND, apartNs: 0n, offsetNs: 1, errorNs: 100, delayNs });
  assert.equal(shortest([sample(3), sample(1), sample(2)])?.delayNs, 1);
  assert.equal(shortest([]), null);
  assert.deepEqual(later(sample(1), 11n * SECOND, 16_000), { offsetNs: 1, errorNs: 160_100 });
});

test('a server that had the question for longer than it was away is refused', () => {
  const [wallNs, sentNs] = [NOW, 5n * SECOND];
  const server = { stratum: 1, receivedNs: NOW, sentNs: NOW + 50_000_000n, rootDelayNs: 0, rootDispersionNs: 0, precisionNs: 1000 };
  assert.throws(() => sampleOf({ answer: server, sentNs, receivedNs: sentNs + 10_000_000n, wallNs }), { code: 'ntp.times' });
  assert.ok(sampleOf({ answer: server, sentNs, receivedNs: sentNs + 49_999_000n, wallNs }).errorNs >= 1000, 'clocks that run a little differently');
});

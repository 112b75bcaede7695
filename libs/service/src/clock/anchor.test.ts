// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BOUND_UNKNOWN } from '@strongroom/evidence';
import vectors from '../../vectors/anchor.json' with { type: 'json' };
import { ANCHOR_BYTES, decodeAnchor, encodeAnchor, publishAnchor, type Anchor } from './anchor.ts';
import { AnchoredClock, stampBy, type Clocks } from './anchored-clock.ts';

const SECOND = 1_000_000_000n;
const BOOT = Buffer.alloc(16, 7);
const ANCHOR: Anchor = {
  sequence: 9n, boot: BOOT, monotonicNs: 100n * SECOND, utcNs: 1_800_000_000n * SECOND, wallNs: 0n, boundNs: 20_000n, growthPpb: 2000n, expiresNs: 110n * SECOND,
};

/** Clocks that stand still where they are put. */
function clocksAt(monotonicNs: bigint, wallNs: bigint, boot: Buffer | null = BOOT): Clocks {
  return { boot, monotonicNs: () => monotonicNs, wallNs: () => wallNs };
}

for (const { name, hex, anchor } of vectors.vectors) {
  test(`an anchor is written and read: ${name}`, () => {
    const facts: Anchor = {
      sequence: BigInt(anchor.sequence), boot: Buffer.from(anchor.boot, 'hex'), monotonicNs: BigInt(anchor.monotonicNs), utcNs: BigInt(anchor.utcNs),
      wallNs: BigInt(anchor.wallNs), boundNs: BigInt(anchor.boundNs), growthPpb: BigInt(anchor.growthPpb), expiresNs: BigInt(anchor.expiresNs),
    };
    assert.equal(encodeAnchor(facts).toString('hex'), hex);
    assert.deepEqual(decodeAnchor(Buffer.from(hex, 'hex')), facts);
  });
}

test('what is not an anchor, or not whole, is refused', () => {
  const bytes = encodeAnchor(ANCHOR);
  assert.equal(bytes.length, ANCHOR_BYTES);
  for (const wrong of [Buffer.alloc(0), bytes.subarray(1), Buffer.concat([bytes, Buffer.of(0)]), Buffer.alloc(ANCHOR_BYTES)]) assert.throws(() => decodeAnchor(wrong), { code: 'anchor.form' });
  for (let at = 8; at < ANCHOR_BYTES; at += 1) {
    const wrong = Buffer.from(bytes);
    wrong[at]! ^= 1;
    assert.throws(() => decodeAnchor(wrong), { code: 'anchor.digest' }, `octet ${at}`);
  }
});

test('time goes on from the anchor by the monotonic clock, and the bound grows', () => {
  assert.deepEqual(stampBy(ANCHOR, clocksAt(105n * SECOND, ANCHOR.utcNs + 5n * SECOND)), { at: ANCHOR.utcNs + 5n * SECOND, bound: 30_001n });
});

test('an anchor that is over, of another boot, or from the future says nothing', () => {
  const wall = 42n;
  for (const clocks of [clocksAt(110n * SECOND, wall), clocksAt(105n * SECOND, wall, Buffer.alloc(16)), clocksAt(105n * SECOND, wall, null), clocksAt(99n * SECOND, wall)]) {
    assert.deepEqual(stampBy(ANCHOR, clocks), { at: wall, bound: BOUND_UNKNOWN });
  }
  assert.deepEqual(stampBy(null, clocksAt(105n * SECOND, wall)), { at: wall, bound: BOUND_UNKNOWN });
});

test('a wall clock that was set after the anchor widens the bound until it holds for either clock', () => {
  for (const by of [-3600n, 3600n, 1n]) {
    const wall = ANCHOR.utcNs + (1n + by) * SECOND;
    const { at, bound } = stampBy(ANCHOR, clocksAt(101n * SECOND, wall));
    assert.equal(at, ANCHOR.utcNs + SECOND);
    assert.ok(at - bound < wall && wall < at + bound);
  }
});

test('a wall clock that the anchor knows to be wrong changes nothing', () => {
  const wrong = { ...ANCHOR, wallNs: -3600n * SECOND };
  assert.deepEqual(stampBy(wrong, clocksAt(101n * SECOND, ANCHOR.utcNs - 3599n * SECOND)), { at: ANCHOR.utcNs + SECOND, bound: 22_001n });
});

test('a service takes the newest anchor, keeps one that is being spoilt, and forgets one that is withdrawn', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-anchor-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'anchor');
  const clock = new AnchoredClock(path, clocksAt(101n * SECOND, ANCHOR.utcNs + SECOND));
  assert.equal(clock.stamp().bound, BOUND_UNKNOWN);
  publishAnchor(path, ANCHOR);
  assert.equal(clock.stamp().bound, BOUND_UNKNOWN, 'a record reads no file');
  clock.refresh();
  assert.equal(clock.stamp().bound, 22_001n);
  publishAnchor(path, { ...ANCHOR, boundNs: 1n });
  assert.deepEqual([readdirSync(directory), statSync(path).mode & 0o777], [['anchor'], 0o644]);
  clock.refresh();
  assert.equal(clock.stamp().bound, 2002n);
  writeFileSync(path, 'spoilt');
  clock.refresh();
  assert.equal(clock.stamp().bound, 2002n);
  rmSync(path);
  clock.refresh();
  assert.equal(clock.stamp().bound, BOUND_UNKNOWN);
});

// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { decodeAnchor, publishAnchor } from '@strongroom/service';
import { readMoment } from '../kernel/clocks.ts';
import { Anchors, anchorOf } from './anchors.ts';

const BOOT = Buffer.alloc(16, 3);
const CLAIM = { utcNs: 1_800_000_000_000_000_000n, boundNs: 100n, growthPpb: 7n, untilNextPpb: 0n };

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-anchors-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'anchor');
}

test('anchors are numbered on, over lives of skew-guard', (t) => {
  const path = place(t);
  new Anchors(path, BOOT, () => undefined).publish(CLAIM, readMoment());
  const next = new Anchors(path, BOOT, () => undefined);
  assert.deepEqual(next.last?.claim, CLAIM);
  next.publish(CLAIM, readMoment());
  assert.equal(decodeAnchor(readFileSync(path)).sequence, 2n);
  next.publish(null, readMoment());
  assert.equal(existsSync(path), false);
});

test('nobody goes on from an anchor of another boot, of the future, or one that is over', (t) => {
  const [path, now] = [place(t), readMoment()];
  const write = (byNs: bigint, boot = BOOT): void => publishAnchor(path, anchorOf(CLAIM, { ...now, monotonicNs: now.monotonicNs + byNs }, { boot, sequence: 1n }));
  const last = (): unknown => new Anchors(path, BOOT, () => undefined).last;
  for (const [byNs, boot] of [[0n, Buffer.alloc(16)], [3_600_000_000_000n, BOOT], [-11_000_000_000n, BOOT]] as const) {
    write(byNs, boot);
    assert.equal(last(), null, String(byNs));
  }
  write(0n);
  assert.notEqual(last(), null);
});

test('an anchor that cannot be published is told of once', () => {
  const events: string[] = [];
  const anchors = new Anchors('/nowhere/anchor', BOOT, (event) => { events.push(event); });
  for (let i = 0; i < 3; i += 1) anchors.publish(CLAIM, readMoment());
  assert.deepEqual(events, ['clock.anchor-failed']);
});

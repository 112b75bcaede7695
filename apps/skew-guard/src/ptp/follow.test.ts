// SPDX-License-Identifier: Apache-2.0
// A real master and one that follows it. Both read this machine's clock, so the truth is an offset of 0, and what is measured is error.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PtpPair, pmcProgram, ptpMissing } from '@strongroom/testing';
import { boundBy } from '../bound/reference.ts';
import { Wander } from '../bound/wander.ts';
import { askPtp } from './follow.ts';
import { ptpReference } from './reference.ts';

const DRIFT = { oscillatorPpb: 1000, holdoverPpb: 15_000 };
const MASTER_NS = 100;
const SAMPLES = 30;

test('whoever follows a master has a bound, and none once the master is gone', { skip: ptpMissing() ?? false }, async () => {
  await using pair = new PtpPair();
  const wander = new Wander();
  const look = async (): Promise<ReturnType<typeof ptpReference>> => {
    const report = await askPtp({ program: pmcProgram(), socket: pair.socket(1), domain: 0 }, join(pair.directory, 'own')).catch(() => null);
    return report === null ? 'away' : ptpReference(report, MASTER_NS, DRIFT.oscillatorPpb + DRIFT.holdoverPpb, wander);
  };
  for (let left = SAMPLES; left > 0; await delay(100)) {
    const reference = await look();
    if (typeof reference === 'string') continue;
    left -= 1;
    const { boundNs, isHoldover } = boundBy(reference, 0n, DRIFT);
    assert.ok(!isHoldover && boundNs > BigInt(MASTER_NS) && boundNs < 100_000_000n, String(boundNs));
    assert.ok(reference.rootDelayNs > 0);
  }
  await pair.loseMaster();
  for (let reference = await look(); typeof reference !== 'string'; reference = await look()) await delay(100);
});

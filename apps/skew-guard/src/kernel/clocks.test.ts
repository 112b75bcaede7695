// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowNs } from '@strongroom/service';
import { readMoment } from './clocks.ts';

const HUNDREDTH_NS = 10_000_000n;

test("a moment is one moment of all of this machine's clocks", () => {
  for (let i = 0; i < 100; i += 1) {
    const [monotonic, wall] = [process.hrtime.bigint(), nowNs()];
    const moment = readMoment();
    const [laterMonotonic, laterWall] = [process.hrtime.bigint(), nowNs()];
    assert.ok(monotonic <= moment.monotonicNs && moment.monotonicNs <= laterMonotonic);
    assert.ok(wall <= moment.wallNs && moment.wallNs <= laterWall);
    // Time since boot counts sleep, and is cut off to hundredths.
    assert.ok(moment.bootNs! + HUNDREDTH_NS >= moment.monotonicNs);
  }
});
